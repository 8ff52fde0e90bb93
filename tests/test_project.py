"""What scripts read from `kedro project`: plain values, and files that are there."""

import pytest

from tests.cli import kedro

OLD = "2026-01-01T00.00.00.000Z"
NEW = "2026-01-02T00.00.00.000Z"


def ask(project, *arguments):
    done = kedro(project, "project", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["dataset"], "ml-100k"),
        (["dataset", "--env", "runpod"], "ml-1m"),
        (["dataset", "--env", "runpod", "--params", "dataset=shop"], "shop"),
        (["raw", "--env", "runpod"], "/workspace/raw"),
        (["data", "--params", "data=/a volume/data"], "/a volume/data"),
        (["source.path", "--params", "source.path=log.csv"], "log.csv"),
        (["source"], ""),
        (["engine.backend", "--env", "spark"], "pyspark"),
        (["engine"], '{"backend": "duckdb", "memory_limit": "6GB"}'),
    ],
)
def test_a_setting_is_what_a_run_would_have(project, arguments, expected):
    assert ask(project, "get", *arguments) == [expected]


def test_the_newest_version_of_what_exists_is_printed(project):
    folder = project / "results" / "08_reporting" / "ml-1m"
    for version in (OLD, NEW):
        (folder / "report.html" / version).mkdir(parents=True)
        (folder / "report.html" / version / "report.html").write_text("a report")
    (folder / "preflight.json").touch()
    options = ("--params", "dataset=ml-1m,data=results")
    assert ask(project, "paths", "report", "comparison", "preflight", *options) == [
        str(folder / "report.html" / NEW / "report.html"),
        str(folder / "preflight.json"),
    ]
    assert ask(project, "paths", "ncf.target_ranks", *options) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["get", "moon"], "'moon' is no setting of globals.yml: choose one of dataset, "),
        (["get", "engine.moon"], "'engine.moon' is no setting"),
        (["get", "dataset", "--env", "moon"], "unknown environment 'moon'"),
        (["paths", "moon"], "'moon' is no file of the catalog"),
        (["paths", "histories"], "'histories' is no file of the catalog"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(project, arguments, complaint):
    done = kedro(project, "project", *arguments)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"Error: {complaint}")


def test_scripts_do_not_wait_for_torch(project):
    done = kedro(project, "project", "paths", "report", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    imported = {line.split("|")[-1].strip() for line in done.stdout.splitlines()}
    assert "kedro.io" in imported
    assert not imported & {"torch", "recbole", "ibis", "wandb"}
