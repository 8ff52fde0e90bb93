"""`kedro serve` finds the model and leaves the rest to a process without Kedro."""

import sys

import pytest
from click.testing import CliRunner

from seqrec import cli
from seqrec.errors import ProjectError
from seqrec.serving import __main__ as command
from seqrec.serving.service import server
from tests.conftest import ROOT


@pytest.fixture
def started(monkeypatch):
    """What would have been started instead of this process."""
    found = []
    monkeypatch.setattr(cli.os, "execv", lambda _, arguments: found.append(arguments))
    monkeypatch.chdir(ROOT)
    return found


def serve(home, *arguments):
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(ROOT)
    given = ["--params", f"data={home.folder},dataset=toy", *arguments]
    return CliRunner().invoke(cli.serve, given)


def test_the_newest_version_is_watched_and_a_chosen_one_is_not(home, started):
    versions = home.model("ss4rec") / "weights"
    home.model("ncf")
    done = serve(home, "--model", "ss4rec", "--model", "ncf", "--port", "9000")
    assert done.exit_code == 0, done.output
    (arguments,) = started
    assert arguments[:3] == [sys.executable, "-m", "seqrec.serving"]
    assert f"--model=ss4rec={versions}" in arguments
    assert "--port=9000" in arguments
    assert f"--sessions=sqlite:{home.folder / 'sessions.db'}" in arguments
    version = next(path.name for path in versions.iterdir())
    assert serve(home, "--model", f"ss4rec@{version}").exit_code == 0
    assert f"--model=ss4rec@{version}={versions / version}" in started[1]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("ss4rek", "'ss4rek' is no model (did you mean ss4rec?)"),
        ("hstu", "hstu was not trained yet: kedro run --pipelines train_hstu"),
        ("ss4rec@never", "has no version never"),
    ],
)
def test_a_model_that_is_not_there_is_named(home, started, tmp_path, model, message):
    home.model("ss4rec")
    if model == "hstu":
        home = type(home)(tmp_path, home.interactions)
    done = serve(home, "--model", model)
    assert done.exit_code == 1
    assert message in done.output
    assert started == []


def test_the_settings_are_those_of_the_command_line(home, monkeypatch):
    given = []
    monkeypatch.setattr(server, "serve", given.append)
    monkeypatch.setenv("SEQREC_TOKEN", "sixteen letters at least")
    place = home.model("ss4rec")
    command.main(["--model", str(place), "--host", "0.0.0.0", "--workers", "2"])
    (settings,) = given
    assert settings.models == {"ss4rec": place}
    assert (settings.host, settings.workers) == ("0.0.0.0", 2)
    assert settings.token.get_secret_value() == "sixteen letters at least"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "can be reached from elsewhere: put a token"),
        (["--port", "99999"], "port: Input should be less than or equal to 65535"),
        (["--sessions", "postgres://x"], "names no store"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(home, monkeypatch, arguments, message):
    monkeypatch.delenv("SEQREC_TOKEN", raising=False)
    with pytest.raises(SystemExit) as ended:
        command.main(["--model", str(home.model("ss4rec")), *arguments])
    assert message in str(ended.value)
    assert "\n" not in str(ended.value)


def test_nothing_listens_if_a_model_is_missing(home, tmp_path, monkeypatch):
    monkeypatch.setattr(server.uvicorn, "run", lambda *_, **__: pytest.fail("it listens"))
    with pytest.raises(SystemExit, match="Error: there is no folder"):
        command.main(["--model", str(tmp_path / "nothing")])
    sessions = f"--sessions=sqlite:{tmp_path}"
    with pytest.raises(SystemExit, match="Error: sessions cannot be kept"):
        command.main(["--model", str(home.model("ss4rec")), sessions])
    assert issubclass(ProjectError, Exception)
