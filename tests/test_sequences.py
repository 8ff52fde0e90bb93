"""Commands typed one after another in one folder: the right result, or one line; never a mixture.

Each sequence starts from a folder in which `kedro run` has been typed once.
"""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from seqrec.errors import own_error
from seqrec.tables import columns as c
from tests.conftest import ROOT
from tests.legacy.make_324c47b import Project, parameters

DATA = ("data_processing", "recbole_format")
ALL = ("__default__",)
EVALUATE = ("evaluation",)
SS4REC = ("train_ss4rec",)
NCF = ("train_ncf",)
RECOMMEND = ("recommend_ss4rec",)
GROUP = {"data_processing": {"tie_policy": "group"}}
OTHER_TIES = {"data_processing": {"seed": 7}}
TEMPORAL = {"data_processing": {"split": "temporal", "valid_from": 0.6, "test_from": 0.75}}
MAMBA = {"ss4rec": {"model": {"parts": "mamba"}}}
SEED = {"ss4rec": {"training": {"seed": 5}}}
LATEST = {"runs": {"ss4rec": "latest"}}
BEST = {"runs": {"ss4rec": "best"}}
ENSEMBLE = ("ensemble",)
NEWEST = {"ensemble": {"members": "ss4rec@latest+ncf@latest"}}
SEEDS = {"ensemble": {"members": "ss4rec@seeds"}}


def log_with_ties():
    """Thirty users, of whom many end on a second with several events."""
    random = np.random.default_rng(3)
    rows = [
        (user, item, 5, 1_000_000 + 50 * user + 60 * (place // 3))
        for user in range(1, 31)
        for place, item in enumerate(random.permutation(24)[: random.integers(9, 15)])
    ]
    return pd.DataFrame(rows, columns=[c.USER, c.ITEM, c.RATING, c.TIMESTAMP])


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder after the first `kedro run`, on tiny data and for two epochs."""
    folder = tmp_path_factory.mktemp("begun") / "project"
    folder.mkdir()
    log_with_ties().to_csv(folder / "log.csv", index=False)
    blocks = parameters()
    for name in ("ss4rec", "ncf"):
        blocks[name]["training"] |= {"epochs": 2, "early_stopping": 2, "accumulate": 1}
    blocks["evaluation"]["bootstrap_samples"] = 20
    (folder / "parameters.yml").write_text(yaml.safe_dump(blocks))
    project = Project(ROOT, folder)
    project.configure()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.chdir(folder)
        project.run(*ALL)
    return project


class Folder:
    """A copy of the folder, and what its last run has compared."""

    def __init__(self, begun, target):
        shutil.copytree(begun.folder, target)
        self.project = Project(ROOT, target)

    def type(self, pipelines, parameters):
        """Run a command; return the one line that it is refused with, or None."""
        try:
            self.project.run(*pipelines, **parameters)
        except Exception as error:
            own = own_error(error)
            if own is None:
                raise
            assert "\n" not in str(own)
            return str(own)
        return None

    def newest(self, name):
        """Read the newest version of a table below 08_reporting."""
        folder = self.project.folder / "data/08_reporting" / "toy" / name
        version = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return pd.read_csv(version / name)

    def facts(self, name, **parameters):
        with self.project.session(**parameters) as session:
            return session.load_context().catalog.get(name).facts()


@pytest.fixture
def folder(begun, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    return Folder(begun, tmp_path / "project")


OK = None
OLD_DATA = r"was trained or ranked on other data|no training of the present configuration and data"
PROTOCOL = r"were made with data_processing\.{}={}, this run says {}"

SEQUENCES = {
    "the same again": ([(ALL, {})], OK),
    "evaluation again": ([(EVALUATE, {})], OK),
    "training again": ([(SS4REC, {}), (EVALUATE, {})], OK),
    "everything with other ties": ([(ALL, GROUP)], OK),
    "everything with other ties, resumed": ([(ALL, {**GROUP, "resume": True})], OK),
    "other ties and back": ([(ALL, GROUP), (ALL, {})], OK),
    "other ties, old data back, evaluation": ([(ALL, GROUP), (DATA, {}), (EVALUATE, {})], OK),
    "other ties, then evaluation as before": (
        [(ALL, GROUP), (EVALUATE, {})],
        PROTOCOL.format("tie_policy", "group", "hash"),
    ),
    "evaluation with ties that the data have not": (
        [(EVALUATE, GROUP)],
        PROTOCOL.format("tie_policy", "hash", "group"),
    ),
    "training with ties that the data have not": (
        [(SS4REC, GROUP)],
        PROTOCOL.format("tie_policy", "hash", "group"),
    ),
    "other data, then training as before": (
        [(DATA, OTHER_TIES), (SS4REC, {})],
        PROTOCOL.format("seed", 7, 2026),
    ),
    "other data, evaluation of older trainings": (
        [(DATA, OTHER_TIES), (EVALUATE, OTHER_TIES)],
        OLD_DATA,
    ),
    "other data, one model trained, evaluation": (
        [(DATA, OTHER_TIES), (SS4REC, OTHER_TIES), (EVALUATE, OTHER_TIES)],
        rf"^ncf: .*{OLD_DATA}|NCF .*{OLD_DATA}",
    ),
    "other data, both models trained, evaluation": (
        [
            (DATA, OTHER_TIES),
            ((*SS4REC, *NCF), OTHER_TIES),
            (EVALUATE, OTHER_TIES),
        ],
        OK,
    ),
    "one command for a model on other data beside an older one": (
        [((*DATA, *SS4REC, *EVALUATE), GROUP)],
        r"^ncf: no training of the present configuration and data",
    ),
    "interactions anew, files not": (
        [(("data_processing",), OTHER_TIES), (SS4REC, OTHER_TIES)],
        r"atomic_files were made with data_processing\.seed=2026, this run says 7",
    ),
    "the same interactions anew, files not": ([(("data_processing",), {}), (SS4REC, {})], OK),
    "a cut in time": ([(ALL, TEMPORAL)], OK),
    "a cut in time, evaluation as before": (
        [(ALL, TEMPORAL), (EVALUATE, {})],
        PROTOCOL.format("split", "temporal", "leave_one_out"),
    ),
    "evaluation with a cut that the data have not": (
        [(EVALUATE, TEMPORAL)],
        PROTOCOL.format("split", "leave_one_out", "temporal"),
    ),
    "an ablation, then evaluation": ([(SS4REC, MAMBA), (EVALUATE, {})], OK),
    "an ablation, then its evaluation": ([(SS4REC, MAMBA), (EVALUATE, MAMBA)], OK),
    "an ablation, then the latest": ([(SS4REC, MAMBA), (EVALUATE, LATEST)], OK),
    "an ablation, then the best": ([(SS4REC, MAMBA), (EVALUATE, BEST)], OK),
    "an ablation that was never trained": (
        [(EVALUATE, MAMBA)],
        r"ss4rec: no training of the present configuration.*1 others: .*parts=both.*runs\.ss4rec",
    ),
    "an ablation, then lists": ([(SS4REC, MAMBA), (RECOMMEND, {})], OK),
    "another seed, then evaluation": ([(SS4REC, SEED), (EVALUATE, {})], OK),
    "another seed, then its evaluation": ([(SS4REC, SEED), (EVALUATE, SEED)], OK),
    "a version that is not there": (
        [(EVALUATE, {"runs": {"ss4rec": "2001-01-01T00.00.00.000Z"}})],
        r"ss4rec: no training 2001-01-01T00\.00\.00\.000Z is kept",
    ),
    "lists from older data": (
        [(DATA, OTHER_TIES), (RECOMMEND, OTHER_TIES)],
        r"no training of the present configuration and data",
    ),
    "all trainings in a table": ([(SS4REC, MAMBA), (("leaderboard",), {})], OK),
    "an ensemble of what was trained": ([(ENSEMBLE, {}), (EVALUATE, {})], OK),
    "an ensemble and its evaluation at once": ([((*ENSEMBLE, *EVALUATE), {})], OK),
    "an ensemble of seeds": ([(SS4REC, SEED), (ENSEMBLE, SEEDS), (EVALUATE, {})], OK),
    "an ensemble, then lists of another": (
        [(ENSEMBLE, {}), (SS4REC, SEED), (("recommend_ensemble",), SEEDS)],
        OK,
    ),
    "an ensemble of one seed": (
        [(ENSEMBLE, SEEDS)],
        r"^ensemble\.members: ss4rec@\S+ alone is no ensemble: name another model, or train an",
    ),
    "an ensemble of a model that was never trained": (
        [(ENSEMBLE, {"ensemble": {"members": "ss4rec+gru4rec"}})],
        r"^gru4rec: no training of the present configuration and data is kept: train it",
    ),
    "an ensemble of what this run trains": (
        [((*SS4REC, *ENSEMBLE), {})],
        r"^an ensemble takes trainings that are kept already, and this run trains ss4rec: run",
    ),
    "an ensemble of older data": (
        [(DATA, OTHER_TIES), (ENSEMBLE, OTHER_TIES)],
        r"^ss4rec: no training of the present configuration and data is kept, but 1 others",
    ),
    "an ensemble of older data, asked for": (
        [(DATA, OTHER_TIES), (ENSEMBLE, {**OTHER_TIES, **NEWEST})],
        r"^ensemble\.members: ss4rec@\S+ was trained on other data than is there now \(data",
    ),
    "an ensemble, then everything on other data": ([(ENSEMBLE, {}), (ALL, GROUP)], OK),
    "an ensemble, then all trainings in a table": ([(ENSEMBLE, {}), (("leaderboard",), {})], OK),
    "training anew": ([(SS4REC, {"resume": False}), (EVALUATE, {})], OK),
}

SAME_RESULT = {"the same again", "evaluation again", "training again", "other ties and back"} | {
    "other ties, old data back, evaluation", "an ablation, then evaluation",
    "another seed, then evaluation", "training anew",
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_ends_well_or_in_one_line(folder, name):
    commands, complaint = SEQUENCES[name]
    before = folder.newest("comparison.csv")
    refused = None
    for pipelines, given in commands:
        assert refused is None, refused
        refused = folder.type(pipelines, given)
    if complaint is not None:
        assert refused is not None
        assert pd.Series([refused]).str.contains(complaint).all(), refused
        return
    assert refused is None, refused
    after = folder.newest("comparison.csv")
    assert after[["mean", "low", "high"]].notna().all().all()
    if name in SAME_RESULT:
        pd.testing.assert_frame_equal(after, before)


def test_nothing_that_is_held_out_now_has_been_learned_before(folder, begun, tmp_path):
    """Other ties hold out items that the first training has learned: it must not go on."""
    assert folder.type(ALL, {**GROUP, "resume": True}) is None
    fresh = Folder(begun, tmp_path / "fresh")
    shutil.rmtree(fresh.project.folder / "data")
    assert fresh.type(ALL, GROUP) is None
    names = [c.MODEL, c.MASK, c.QUERY_TIME, "metric", "mean"]
    pd.testing.assert_frame_equal(
        folder.newest("comparison.csv")[names], fresh.newest("comparison.csv")[names]
    )


def test_a_report_says_which_training_it_shows(folder):
    """The ablation counts because it was asked for, and its metrics know it."""
    assert folder.type(SS4REC, MAMBA) is None
    assert folder.type(EVALUATE, LATEST) is None
    facts = folder.facts("ss4rec.metrics")
    assert facts["experiment"]["model"]["parts"] == "mamba"
    assert facts["data"] == folder.facts("atomic_files")["fingerprint"]


def models_of(folder):
    return list(folder.newest("comparison.csv")[c.MODEL].unique())


def test_an_ensemble_is_shown_with_the_data_of_its_members_only(folder):
    """Left out on other data, back with the old ones, where a newer one does not replace it."""
    models = ["ss4rec", "ncf", "popularity"]
    assert folder.type(ENSEMBLE, {}) is None
    assert folder.type(ALL, {}) is None
    assert models_of(folder) == [*models, "Ensemble of 2"]
    shown = folder.newest("comparison.csv")
    assert folder.type(ALL, GROUP) is None
    assert models_of(folder) == models
    assert folder.type((*ENSEMBLE, *EVALUATE), GROUP) is None
    assert models_of(folder) == [*models, "Ensemble of 2"]
    grouped = folder.newest("comparison.csv")
    assert folder.type(DATA, {}) is None
    assert folder.type(EVALUATE, {}) is None
    pd.testing.assert_frame_equal(folder.newest("comparison.csv"), shown)
    means = [table.set_index([*table.columns[:4]])["mean"] for table in (shown, grouped)]
    assert not means[0].equals(means[1])


def test_an_ensemble_of_seeds_grows_with_them(folder):
    """Two seeds, an ensemble, a table, a third seed: the ensemble is made anew or stays."""
    assert folder.type(SS4REC, SEED) is None
    assert folder.type(ENSEMBLE, SEEDS) is None
    facts = folder.facts("ensemble.target_ranks")
    assert [member["training"]["seed"] for member in facts["members"]] == [11, 5]
    assert facts["data"] == folder.facts("atomic_files")["fingerprint"]
    assert facts["protocol"] == folder.facts("atomic_files")["protocol"]
    assert folder.type(("evaluation", "leaderboard"), {}) is None
    assert "Ensemble of 2" in models_of(folder)
    two = folder.newest("leaderboard.csv").set_index(c.MODEL)
    assert two.loc["Ensemble of 2 (2 × ss4rec)", "seeds"] == 1
    assert folder.type(SS4REC, {"ss4rec": {"training": {"seed": 6}}}) is None
    assert folder.type(EVALUATE, {}) is None
    assert "Ensemble of 2" in models_of(folder)
    assert folder.type((*ENSEMBLE, *EVALUATE), SEEDS) is None
    assert folder.type(("leaderboard",), {}) is None
    assert "Ensemble of 3" in models_of(folder)
    three = folder.newest("leaderboard.csv").set_index(c.MODEL)
    names = {"Ensemble of 2 (2 × ss4rec)", "Ensemble of 3 (3 × ss4rec)", "ss4rec", "ncf"}
    assert names <= set(three.index)


def test_without_an_ensemble_nothing_is_written_of_one(begun):
    assert not list((begun.folder / "data").rglob("ensemble"))


def test_more_than_thirty_sequences():
    assert len(SEQUENCES) >= 30
