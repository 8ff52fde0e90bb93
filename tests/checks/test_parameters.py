"""Whatever is given as a parameter is taken or refused in one line: bounds are in the types."""

import copy
import json
import shutil

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from seqrec.checks.parameters import check_parameters, parameter_names
from seqrec.checks.reference import check_reference
from seqrec.checks.searches import check_searches
from seqrec.cli import cli
from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.parameter_tree import Parameters
from seqrec.pipeline_registry import register_pipelines
from tests.conftest import ROOT

NAMES = sorted(parameter_names())
EDGES = [
    *(None, True, False, "", " ", "null", "nan", "a,b", "x\x00y", "x\ny", "../../evil", "é" * 300),
    *(0, 1, -1, 2, 3, 10, 255, 2**16, 2**16 + 1, 2**31, 2**32 - 1, 2**32, 2**63, 10**400),
    *(0.0, -0.0, 0.5, 1.0, 1e-320, 1e-9, 1e38, 1e308, -1e308),
    *(float("nan"), float("inf"), -float("inf"), "Infinity", "1e38", "2018-06-30", "9999-99-99"),
    *([], [5], [10], [10, 10], [20, 10], [0], ["x"], [[]], {}, {"low": 0, "high": 1}, {"x": 1}),
    *({"model": {"dropout": {"low": 0, "high": 9}}}, {"choices": [1, "x"]}, {"ncf": "latest"}),
]  # fmt: skip
SETS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(EDGES)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def usual():
    """The smoke environment's parameters."""
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="smoke") as session:
        return session.load_context().config_loader["parameters"]


def with_values(values, changes):
    """Set parameters by their dotted names; one whose block is no block any more is left out."""
    values = copy.deepcopy(values)
    for name, value in changes:
        *blocks, last = name.split(".")
        inner = values
        for block in blocks:
            inner = inner.setdefault(block, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[last] = value
    return values


def complaint_of(usual, changes):
    """Check parameters as a run does; None if they are taken."""
    values = with_values(usual, changes)
    try:
        check_parameters(values, None)
    except ProjectError as error:
        return str(error)
    parameters = Parameters.model_validate(values)
    json.dumps(parameters.model_dump(mode="json"), allow_nan=False)
    return None


def is_taken_or_refused(usual, changes):
    """Assert that a complaint, if there is one, is a short line that says where to mend it."""
    complaint = complaint_of(usual, changes)
    if complaint is not None:
        assert "\n" not in complaint
        assert len(complaint) < 600
        assert "mend it in" in complaint


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=SETS)
def test_a_hundred_sets_are_taken_or_refused(usual, changes):
    is_taken_or_refused(usual, changes)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=SETS)
def test_a_thousand_sets_are_taken_or_refused(usual, changes):
    is_taken_or_refused(usual, changes)


REFUSED = [
    ("evaluation.cutoffs", [5], "evaluation.cutoffs: 10 must be among them"),
    ("evaluation.cutoffs", [], "evaluation.cutoffs: 10 must be among them"),
    ("evaluation.cutoffs", [10, 5], "evaluation.cutoffs: they must rise"),
    ("evaluation.reference", "ss4rek", "'ss4rek' is no model (did you mean ss4rec?)"),
    ("runs", {"ss4rek": "latest"}, "runs: ss4rek is no model (did you mean ss4rec?)"),
    ("evaluation.seed", -1, "evaluation.seed: input should be greater than or equal to 0"),
    ("evaluation.seed", 2**32, "evaluation.seed: input should be less than 4294967296"),
    ("data_processing.seed", -1, "data_processing.seed: input should be greater"),
    ("ncf.training.seed", 2**32, "ncf.training.seed: input should be less than 4294967296"),
    ("ss4rec.search.seed", 2**32, "ss4rec.search.seed: input should be less"),
    ("ss4rec.model.dt_min", 0.2, "dt_min = 0.2 must not lie above dt_max = 0.1"),
    ("data_processing.min_rating", float("nan"), "min_rating: input should be a finite number"),
    ("data_processing.valid_from", 1.5, "data_processing.valid_from: input should be less than 1"),
    ("ss4rec.training.learning_rate", 1e38, "learning_rate: input should be less than or equal"),
    ("ss4rec.training.negative_power", float("inf"), "negative_power: input should be"),
    ("ss4rec.training.negative_power", 1000, "negative_power: input should be less than or"),
    ("ss4rec.training.accumulate", 10**6, "accumulate: input should be less than or"),
    ("ss4rec.model.d_conv", 5, "ss4rec.model.d_conv: input should be less than or equal to 4"),
    ("data_processing.user_core", 2, "user_core: input should be greater than or equal to 3"),
    ("recommend.users", [], "recommend.users: "),
    ("recommend.moments", {}, "recommend.moments: "),
    ("recommend.moments", {"facts": 1}, "recommend.moments: call the moment something other"),
    ("recommend.exclude_seen", "perhaps", "recommend.exclude_seen: "),
    ("ncf.search.space", {"model": {"dropout": {"low": 0.1, "high": 5.0}}}, "cannot be 5.0"),
    ("ncf.search.space", {"training": {"epochs": {"choices": [1, 0]}}}, "cannot be 0"),
    ("dataset", "../../evil", "is no plain name: give letters"),
    ("dataset", "..", "is no plain name: give letters"),
    ("dataset", "a/b", "is no plain name: give letters"),
    ("dataset", None, "dataset: it is empty"),
    ("data", None, "data: it is empty"),
    ("data", " ", "data: ' ' is no path"),
    ("raw", "x\x00y", "raw: 'x\\x00y' is no path"),
]


@pytest.mark.parametrize(("name", "value", "complaint"), REFUSED)
def test_what_the_code_cannot_do_is_refused(usual, name, value, complaint):
    with pytest.raises(ProjectError) as caught:
        check_parameters(with_values(usual, [(name, value)]), None)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("evaluation.cutoffs", [10]),
        ("evaluation.reference", "sasrec"),
        ("evaluation.reference", "ss4rec (epochs=3)"),
        ("evaluation.seed", 2**32 - 1),
        ("ss4rec.model.dt_min", 0.1),
        ("dataset", "my-shop_2.0"),
        ("dataset", "läden"),
        ("data", "/a folder/with spaces"),
        ("mirror", None),
    ],
)
def test_what_the_code_can_do_is_taken(usual, name, value):
    check_parameters(with_values(usual, [(name, value)]), None)


def test_the_credentials_of_a_mirror_are_not_in_the_complaint(usual):
    mirror = "http://user:canary-password@mirror\n"
    with pytest.raises(ProjectError) as caught:
        check_parameters(with_values(usual, [("mirror", mirror)]), None)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("reference", ["sasrec", "ss4rec (seed=3)", "item_knn"])
def test_a_reference_that_is_not_compared_is_refused_before_anything_runs(reference):
    pipeline = register_pipelines()["evaluation"]
    bootstrap_project(ROOT)
    params = {"evaluation": {"reference": reference}}
    with KedroSession.create(ROOT, env="smoke", runtime_params=params) as session:
        catalog = session.load_context().catalog
    with pytest.raises(
        ProjectError, match=r"does not compare: choose one of ncf, popularity, ss4r"
    ):
        check_reference(pipeline, catalog)


def test_conf_of_a_version_that_searched_less_goes_on_working(usual):
    """Models that had no search then have no block for one; only their search needs it."""
    values = copy.deepcopy(usual)
    for name, spec in MODELS.items():
        if spec.searchable:
            del values[name]["search"]
    check_parameters(values, None)


def test_a_search_of_a_model_without_a_space_is_refused_before_anything_runs():
    pipelines = register_pipelines()
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, runtime_params={"gru4rec": {"search": None}}) as session:
        catalog = session.load_context().catalog
    check_searches(pipelines["train_gru4rec"], catalog)
    check_searches(pipelines["search_ncf"], catalog)
    with pytest.raises(ProjectError, match=r"^gru4rec\.search is missing, .* trials and space"):
        check_searches(pipelines["data_processing"] + pipelines["search_gru4rec"], catalog)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ("evaluation.reference=moon", "reference 'moon' is no model"),
        ("evaluation.reference=sasrec", "'sasrec', which this run does not compare"),
        ("evaluation.seed=-1", "evaluation.seed: input should be greater than or equal to 0"),
        ("ncf.training.seed=4294967296", "input should be less than 4294967296, got 4294967296"),
        ("ss4rec.model.dt_min=1", "must not lie above dt_max"),
        ("data_processing.min_rating=nan", "should be a finite number"),
        ("ss4rec.training.learning_rate=1e38", "should be less than or equal to 100"),
        ("ss4rec.training.negative_power=Infinity", "negative_power: input should be"),
        ("evaluation.cutoffs=[5]", "evaluation.cutoffs: "),
        ("recommend.users=[]", "recommend.users: "),
        ("dataset=../../evil", "is no plain name: give letters"),
        ("dataset=../../evil,source.path=log.csv", "is no plain name: give letters"),
        ("data=", "data: it is empty"),
        ("mirror=http://user:canary@[", ""),
    ],
)
def test_a_run_that_cannot_be_is_refused_in_one_line(tmp_path, monkeypatch, params, complaint):
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")
    bootstrap_project(ROOT)
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    options = f"{params},resume=false" if "mirror" not in params else f"{params},dataset=ml-1m"
    result = CliRunner().invoke(cli, ["run", "--params", options])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert complaint in last
    assert "canary" not in result.output
    assert not list(tmp_path.rglob("evil"))
    assert not list(tmp_path.rglob("*.parquet"))
