"""conf/experiments: what is chosen by one name is the same whatever it is combined with."""

import shutil

import pytest
import yaml
from click.testing import CliRunner
from kedro.framework.cli.utils import _split_params
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from seqrec.cli import cli
from seqrec.config_loader import PersonalConfigLoader
from seqrec.experiments import NOT_THEIRS
from seqrec.model_registry import MODELS
from seqrec.parameter_tree import Parameters
from seqrec.settings import CONFIG_LOADER_ARGS
from seqrec.trees import flat, spelled
from tests.conf.test_conventions import ENVIRONMENTS
from tests.conftest import ROOT

FILES = {path.stem: path for path in sorted((ROOT / "conf/experiments").glob("*.yml"))}
LAPTOP = "ml-1m-laptop"


@pytest.fixture
def conf(tmp_path):
    skip = shutil.ignore_patterns("local", "credentials*")
    return shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=skip)


def load(conf, env, **params):
    return PersonalConfigLoader(conf, env=env, runtime_params=params, **CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("name", FILES)
def test_an_experiment_trains_the_same_in_every_environment(name):
    content = yaml.safe_load(FILES[name].read_text())
    seen = []
    for env in ("base", *ENVIRONMENTS):
        loader = load(ROOT / "conf", env, experiment=name)
        parameters = Parameters.model_validate(loader["parameters"])
        blocks = {model: parameters.of(model) for model in MODELS if model in content}
        assert blocks
        blocks = {
            k: block.model_dump(include={"model", "training"}) for k, block in blocks.items()
        }
        seen.append((loader["globals"]["dataset"], parameters.data_processing, blocks))
    assert all(each == seen[0] for each in seen)


@pytest.mark.parametrize("name", FILES)
def test_from_the_command_line_the_same_parameters_are_the_same(name):
    content = yaml.safe_load(FILES[name].read_text())
    changes = {key: value for key, value in content.items() if key != "description"}
    typed = ",".join(f"{key}={spelled(value)}" for key, value in flat(changes))
    # One after the other: Kedro's resolvers are those of the loader that was made last.
    chosen, given = (
        (Parameters.model_validate(loader["parameters"]), loader["catalog"])
        for loader in (
            load(ROOT / "conf", None, **params)
            for params in ({"experiment": name}, _split_params(None, None, typed))
        )
    )
    told = {"experiment", "dataset"}
    assert chosen[0].model_dump(exclude=told) == given[0].model_dump(exclude=told)
    assert chosen[1] == given[1]


def test_it_counts_more_than_personal_settings_and_less_than_the_command_line(conf):
    (conf / "local").mkdir()
    personal = "ncf: {training: {epochs: 3, batch_size: 7, seed: 5}}"
    (conf / "local/parameters.yml").write_text(personal)
    (conf / "local/globals.yml").write_text("dataset: mine")
    given = {"ncf": {"training": {"epochs": 11}}}
    loader = load(conf, "smoke", experiment=LAPTOP, **given)
    training = loader["parameters"]["ncf"]["training"]
    assert (training["epochs"], training["batch_size"], training["seed"]) == (11, 8192, 5)
    assert loader["globals"]["dataset"] == "ml-1m"
    assert "/ml-1m/" in loader["catalog"]["comparison"]["filepath"]
    assert (
        "/toy/"
        in load(conf, None, experiment=LAPTOP, dataset="toy")["catalog"]["comparison"]["filepath"]
    )


@pytest.fixture
def invoke(conf, monkeypatch):
    """Run a command in this process, in a folder with the project's configuration alone."""
    bootstrap_project(ROOT)
    shutil.copy(ROOT / "pyproject.toml", conf.parent)
    monkeypatch.chdir(conf.parent)
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")
    assert settings.CONF_SOURCE == "conf"
    return lambda *arguments: CliRunner().invoke(cli, arguments)


def told(result):
    assert result.exit_code == 1, result.output
    (line,) = result.output.strip().splitlines()
    return line


def test_the_command_describes_every_one(invoke):
    text = invoke("experiments").output
    for name, path in FILES.items():
        assert f"{name}\n  {yaml.safe_load(path.read_text())['description']}\n" in text
    assert "  ncf: epochs=6, batch_size=8192, learning_rate=0.002\n" in text


@pytest.mark.parametrize(
    "command", [("run",), ("preflight",), ("project", "get", "dataset"), ("prune",)], ids=str
)
def test_a_misspelt_one_is_refused_in_one_line_with_what_was_meant(invoke, command):
    line = told(invoke(*command, "--experiment", "ml-1m-labtop"))
    assert "unknown experiment 'ml-1m-labtop' (did you mean ml-1m-laptop?)" in line
    assert "`kedro experiments` describes them" in line


def test_every_command_sees_its_settings(invoke):
    assert invoke("project", "get", "dataset", "--experiment", LAPTOP).output == "ml-1m\n"
    by_params = invoke("project", "get", "dataset", "--params", f"experiment={LAPTOP}")
    assert by_params.output == "ml-1m\n"


def test_two_at_once_are_refused(invoke):
    both = ["--experiment", LAPTOP, "--params", "experiment=ml-1m-plus"]
    assert "choose one" in told(invoke("run", *both))


def test_the_folder_is_no_environment(invoke):
    assert "unknown environment 'experiments'" in told(invoke("run", "--env", "experiments"))


@pytest.mark.parametrize("key", sorted(NOT_THEIRS))
def test_what_belongs_to_the_machine_or_the_command_is_refused(invoke, conf, key):
    (conf / "experiments/mine.yml").write_text(f"description: mine\n{key}: 3\n")
    assert f"conf/experiments/mine.yml: {key} belongs to" in told(
        invoke("run", "--experiment", "mine")
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("dataset: ml-1m\n", "it needs a line `description:"),
        ("- 3\n", "it needs a line `description:"),
        (
            "description: mine\nncf: {training: {epoch: 3}}\n",
            "(did you mean ncf.training.epochs?)",
        ),
        (
            "description: mine\nncf: {training: {epochs: -3}}\n",
            "conf/experiments/mine.yml, conf/base",
        ),
        ("description: mine\nncf: [\n", "conf/experiments/mine.yml, line "),
    ],
    ids=["none", "list", "unknown", "range", "yaml"],
)
def test_what_is_wrong_in_a_file_is_named(invoke, conf, text, complaint):
    (conf / "experiments/mine.yml").write_text(text)
    assert complaint in told(invoke("run", "--experiment", "mine"))
