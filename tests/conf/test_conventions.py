"""The conventions of conf/ and of the pipelines, and proof that each can be broken."""

from pathlib import Path

import pytest
import yaml
from kedro.framework.project import configure_project, pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Node, Pipeline

from seqrec.checks.outputs import check_outputs
from seqrec.checks.parameters import check_parameters
from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.parameter_tree import Parameters
from seqrec.parameters.base import Frozen
from tests.conftest import ROOT

ENVIRONMENTS = ("smoke", "runpod", "spark")
# What an environment may change. Everything else is the experiment and stays in base.
RUNPOD_MAY = {"runtime", "dataset", "raw", "data"}
SMALLER = ("model.n_layers", "model.max_length", "model.d_state")
SHORTER = ("training.epochs", "training.batch_size", "training.learning_rate")
# An average of weights must be short enough to forget the first ones in a short training.
SHORTER += ("training.ema_decay",)
SMOKE_MAY = {
    *(f"{model}.{name}" for model in MODELS for name in (*SMALLER, *SHORTER)),
    "runtime.device",
    "evaluation.bootstrap_samples",
    "tracking.mode",
    "notifications.enabled",
}
LAYERS = [
    "raw",
    "intermediate",
    "primary",
    "model_input",
    "models",
    "model_output",
    "reporting",
]


@pytest.fixture(autouse=True, scope="module")
def context():
    bootstrap_project(ROOT)
    configure_project("seqrec")
    with KedroSession.create(project_path=ROOT, env="smoke") as session:
        yield session.load_context()


def leaves(values, prefix=""):
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from leaves(value, f"{name}.")
        else:
            yield name


def settings_of(env):
    found = set()
    for path in (ROOT / "conf" / env).glob("*.yml"):
        found |= set(leaves(yaml.safe_load(path.read_text())))
    return found


def outside(names, allowed):
    return {n for n in names if n not in allowed and n.split(".")[0] not in allowed}


def test_runpod_changes_the_machine_and_the_data_only():
    assert outside(settings_of("runpod"), RUNPOD_MAY) == set()


def test_spark_changes_the_engine_only():
    assert outside(settings_of("spark"), {"engine"}) == set()


def test_smoke_makes_the_experiment_smaller_and_nothing_else():
    assert settings_of("smoke") <= SMOKE_MAY


def test_the_convention_on_environments_can_be_broken():
    assert outside({"ss4rec.model.hidden_size"}, RUNPOD_MAY) == {"ss4rec.model.hidden_size"}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_environments_are_small_diffs(env):
    lines = [
        line
        for path in (ROOT / "conf" / env).glob("*.yml")
        for line in path.read_text().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assert len(lines) <= 32


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_environment_is_valid(env):
    with KedroSession.create(project_path=ROOT, env=env) as session:
        loader = session.load_context().config_loader
        Parameters.model_validate(loader["parameters"])


def test_base_names_every_model_and_training_parameter_of_the_paper(context):
    base = yaml.safe_load((ROOT / "conf/base/parameters_ss4rec.yml").read_text())["ss4rec"]
    paper = {"hidden_size": 64, "n_layers": 2, "dropout": 0.2, "max_length": 200, "d_state": 32}
    assert {name: base["model"][name] for name in paper} == paper
    assert base["training"]["loss_type"] == "CE"


def every_pipeline():
    return sum(pipelines.values(), start=Pipeline([]))


def every_dataset(pipeline):
    return {name for name in pipeline.datasets() if not name.startswith(("params:", "parameters"))}


def test_no_dataset_is_anonymous(catalog):
    check_outputs(every_pipeline(), catalog)
    unknown = {n for n in every_dataset(every_pipeline()) if n not in catalog}
    assert unknown == set()


def test_an_anonymous_output_is_refused(catalog):
    misspelt = Pipeline([Node(len, "interactions", "comparisson", name="misspelt")])
    with pytest.raises(ProjectError, match="comparisson is not in the catalog"):
        check_outputs(misspelt, catalog)


# Kedro resolves the whole catalog anew at each access.
@pytest.fixture(scope="module")
def catalog(context):
    return context.catalog


@pytest.fixture(scope="module")
def config_of(context):
    return CatalogConfigResolver(context.config_loader["catalog"]).resolve_pattern


def test_every_dataset_has_a_layer_and_data_flows_one_way(config_of):
    layer = {
        name: config_of(name)["metadata"]["kedro-viz"]["layer"]
        for name in every_dataset(every_pipeline())
    }
    assert set(layer.values()) <= set(LAYERS)
    for node in every_pipeline().nodes:
        inputs = [layer[name] for name in node.inputs if name in layer]
        for output in node.outputs:
            assert all(LAYERS.index(i) <= LAYERS.index(layer[output]) for i in inputs), node.name


def test_models_metrics_and_reports_are_versioned(config_of):
    for name in every_pipeline().all_outputs():
        config = config_of(name)
        if config["metadata"]["kedro-viz"]["layer"] in LAYERS[4:]:
            assert config.get("versioned"), name
    assert config_of("atomic_files")["versioned"]


def test_everything_is_written_below_data(config_of):
    for name in every_dataset(every_pipeline()):
        path = config_of(name).get("filepath")
        assert path is None or path.startswith("data/"), name


def test_pipelines_are_tables_of_contents():
    for path in (ROOT / "src/seqrec/pipelines").rglob("pipeline.py"):
        assert len(path.read_text().splitlines()) <= 50, path


def test_nodes_have_names_docstrings_and_few_lines():
    import inspect

    for node in every_pipeline().nodes:
        assert "__" not in node.name, node.name
        assert node.func.__doc__, node.name
        body = inspect.getsource(node.func).split('"""')[-1]
        assert len([line for line in body.splitlines() if line.strip()]) <= 30, node.name


def test_nodes_receive_typed_parameters(catalog):
    """Kedro hands out dicts in silence if a signature cannot be resolved."""
    for node in every_pipeline().nodes:
        for name in node.inputs:
            if name.startswith("params:"):
                value = catalog.load(name)
                assert isinstance(value, Frozen) or name == "params:resume", name


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"typo": 1}, "^typo: unknown parameter"),
        ({"ncf": None}, "^ncf: input should be"),
        ({"runtime": {"device": "gpu"}}, r"^runtime\.device: .*got 'gpu'"),
        ({"runtime": {"devise": "cpu"}}, r"^runtime\.devise: unknown parameter"),
    ],
)
def test_bad_parameters_are_one_clear_line(context, change, complaint):
    values = {**context.config_loader["parameters"], **change}
    with pytest.raises(ProjectError, match=complaint) as caught:
        check_parameters(values, "smoke")
    assert "\n" not in str(caught.value)
    assert "conf/smoke" in str(caught.value)


def test_no_credentials_and_no_data_are_tracked():
    import subprocess

    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert not [path for path in tracked if "credentials" in path]
    assert {Path(path).name for path in tracked if path.startswith("data/")} <= {".gitkeep"}
