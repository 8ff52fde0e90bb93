"""A run that cannot end well stops before its first node, with one line."""

import pytest

from tests.cli import has_begun, kedro


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--params", "ss4rec.training.epoch=3"], "ss4rec.training.epoch: unknown parameter"),
        (["--params", "ncf.training.epochs=many"], "ncf.training.epochs: input should be"),
        (["--params", "ss4rec.training.loss_type=BCE"], "ss4rec: SS4Rec trains with sequence or"),
        (["--params", "dataset=ml-9m"], "unknown dataset 'ml-9m' (did you mean ml-1m?): choose"),
        (["--params", "dataset=ml-1m,mirror=http://127.0.0.1:9"], "ml-1m.zip cannot be reached"),
        (["--pipeline", "train_ss4rec"], "run `kedro run --pipeline recbole_format` first"),
        (["--pipeline", "evaluation"], "does not exist yet"),
        (["--pipeline", "training"], "unknown pipeline 'training' (did you mean train_"),
        (["--env", "moon"], "unknown environment 'moon': choose one of base, "),
        (["--params", "data=pyproject.toml"], "cannot be written: "),
    ],
    ids=[
        "unknown",
        "type",
        "loss",
        "dataset",
        "release",
        "order",
        "ranks",
        "pipeline",
        "env",
        "data",
    ],
)
def test_what_is_wrong_is_said_in_one_line(project, arguments, complaint):
    done = kedro(project, "run", *arguments)
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert complaint in last
    assert "Traceback" not in done.stdout
    assert not has_begun(done.stdout)
    assert not [path for path in (project / "data").rglob("*") if path.is_file()]


def test_a_gpu_that_is_not_there_is_refused(project):
    done = kedro(project, "run", "--params", "runtime.device=cuda", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert "runtime.device is 'cuda' but torch" in done.stdout
    assert not has_begun(done.stdout)


def test_a_missing_column_is_named(project):
    folder = project / "data" / "01_raw" / "ml-20m"
    folder.mkdir(parents=True)
    (folder / "ratings.csv").write_text("userId,movieId,rating\n1,2,3\n")
    done = kedro(project, "run", "--params", "dataset=ml-20m", "--pipeline", "data_processing")
    assert done.returncode == 1
    assert "column 'timestamp' is missing" in done.stdout
    assert not has_begun(done.stdout)
