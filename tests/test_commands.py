"""A command that cannot work says so in one line, with what may have been meant."""

import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from seqrec.cli import cli
from tests.cli import kedro
from tests.conftest import ROOT


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run a command in this process, in a folder with the project's configuration alone."""
    bootstrap_project(ROOT)
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")
    yield lambda *arguments: CliRunner().invoke(cli, arguments)
    assert not (tmp_path / "data").exists()


def told(result):
    """The one line of a command that was refused."""
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit), result.exception
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert result.output.strip().endswith(line)
    return line


@pytest.mark.parametrize("runner", ["ParallelRunner", "ThreadRunner", "kedro.runner.ThreadRunner"])
def test_runners_that_run_several_nodes_at_once_are_refused(invoke, runner):
    line = told(invoke("run", "--runner", runner))
    assert "cannot run this project, whose nodes share one connection" in line
    assert "leave --runner out" in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--runner", "SequentialRuner"], "(did you mean SequentialRunner?)"),
        (["run", "--runner", "no.such.Runner"], "unknown runner 'no.such.Runner'"),
        (["run", "--runner-params", "max_workers=4"], "unknown option of SequentialRunner"),
        (["run", "--pipelines", "evaluaton"], "'evaluaton' (did you mean evaluation?)"),
        (["run", "--env", "smok"], "'smok' (did you mean smoke?)"),
        (["run", "--nodes", "clean_rating"], "(did you mean data_processing.clean_ratings?)"),
        (["run", "--from-nodes", "train"], "unknown node 'train'"),
        (["run", "--tags", "trainin"], "unknown tag 'trainin' (did you mean training?)"),
        (["run", "--namespaces", "nfc"], "unknown namespace 'nfc' (did you mean ncf?)"),
        (["run", "--to-outputs", "comparisn"], "(did you mean comparison?)"),
        (["run", "--tags", "data", "--namespaces", "ncf"], "Pipeline contains no nodes"),
        (["run", "--load-versions", "comparison"], "Expected the form of 'load_versions'"),
        (["run", "--load-versions", "moon:2026-01-01T00.00.00.000Z"], "[moon] are not found"),
        (["run", "--params", "ss4rec.trainig.epochs=3"], "(did you mean ss4rec.training"),
        (["run", "--params", "ncf.epochs=3"], "(did you mean ncf.training.epochs?)"),
        (["run", "--params", "evaluation.cutofs=3"], "(did you mean evaluation.cutoffs?)"),
        (["run", "--params", "ensemble.members=ss4rek+ncf"], "(did you mean ss4rec?)"),
        (["run", "--params", "ensemble.members=ss4rec@"], "'ss4rec@' names no training: write"),
        (["run", "--params", "ensemble.members=ncf+ncf"], "ensemble.members: ncf is there twice"),
        (["run", "--params", "dataset=ml-1n"], "'ml-1n' (did you mean ml-1m?)"),
        (["preflight", "--model", "ss4rek"], "(did you mean ss4rec?)"),
        (["project", "get", "datset"], "(did you mean dataset?)"),
        (["project", "paths", "comparisn"], "(did you mean comparison?)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_named_with_what_may_have_been_meant(invoke, arguments, complaint):
    assert complaint in told(invoke(*arguments))


def test_both_of_kedros_options_for_pipelines_are_refused_in_one_line(invoke):
    both = ["--pipeline", "evaluation", "--pipelines", "evaluation"]
    assert "cannot be used together" in told(invoke("run", *both))


@pytest.mark.parametrize("program", ["notebook", "lab"])
def test_jupyter_that_is_not_installed_is_named(invoke, program, monkeypatch):
    module = {"notebook": "notebook", "lab": "jupyterlab"}[program]
    monkeypatch.setitem(sys.modules, module, None)
    line = told(invoke("jupyter", program))
    assert line == f"Error: {module} is not installed: pip install {module}"


@pytest.mark.parametrize("command", [["run"], ["preflight"], ["project", "get"]])
def test_help_names_the_real_default_environment(invoke, command):
    text = " ".join(invoke(*command, "--help").output.split())
    assert "Defaults to `smoke`." in text
    assert "local" not in text


def test_the_package_without_its_configuration_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqrec"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: there is no configuration in {tmp_path / 'conf'}: run this in")
    assert "give --conf-source" in line


def test_the_catalog_is_described_without_a_warning(project):
    done = kedro(project, "catalog", "describe-datasets", "--pipeline", "evaluation")
    assert done.returncode == 0
    assert "comparison" in done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("parameters_mine.yml", "ncf: {training", "parameters_mine.yml, line 1 is no YAML"),
        ("parameters_mine.yml", "ncf:\n\tmodel: 3\n", "parameters_mine.yml, line 2 is no YAML"),
        ("globals.yml", "dataset: [", "globals.yml, line 1 is no YAML"),
        ("parameters_mine.yml", "resume: true\nresume: false\n", "found duplicate key resume"),
        ("parameters_mine.yml", "resume: ${moon}\n", "Interpolation key 'moon' not found"),
    ],
    ids=["bracket", "tab", "globals", "twice", "reference"],
)
def test_a_broken_file_of_the_configuration_is_named(invoke, tmp_path, name, text, complaint):
    folder = tmp_path / "conf" / "local"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    assert complaint in told(invoke("run"))
