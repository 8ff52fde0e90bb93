"""Commands typed one after another in one folder: the right result, or one line; never a mixture.

Each sequence starts from a folder in which `kedro run` has been typed once.
"""

import re
import shutil

import pandas as pd
import pytest

from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from tests.toy import ALL, DATA, Folder, configure, log_with_ties

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


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder after the first `kedro run`, on tiny data and for two epochs."""
    folder = tmp_path_factory.mktemp("begun") / "project"
    project = configure(folder, log_with_ties())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.chdir(folder)
        project.run(*ALL)
    return project


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


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ("data_processing.filter_core", "ratings"),
        ("recbole_format.write_atomic_files", "interact"),
    ],
)
def test_a_part_of_a_pipeline_goes_on_with_its_own_runs_rows_only(folder, node, what):
    """Kedro's hint after a failure; another run has replaced them meanwhile."""
    assert folder.type(DATA, {"data_processing": {"min_rating": 1}}) is None
    with folder.project.session() as session, pytest.raises(ProjectError) as refused:
        session.run(pipeline_names=list(DATA), from_nodes=[node])
    line = (
        rf"{what}\S* were made with data_processing\.min_rating=1.0, this run says None: run the"
    )
    assert re.match(line, str(refused.value))


def test_a_training_without_ranks_lends_its_log_to_no_other(folder):
    """It was killed before they were made, or is making them now."""
    before = folder.newest("training_costs.csv")
    assert folder.type(SS4REC, MAMBA) is None
    ranks = folder.project.folder / "data/07_model_output/toy/ss4rec/target_ranks.parquet"
    shutil.rmtree(max(ranks.iterdir()))
    assert folder.type(EVALUATE, LATEST) is None
    pd.testing.assert_frame_equal(folder.newest("training_costs.csv"), before)


def test_more_than_thirty_sequences():
    assert len(SEQUENCES) >= 30
