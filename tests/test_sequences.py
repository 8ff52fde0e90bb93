"""Commands typed one after another in one folder: the right result, or one line; never a mixture.

Each sequence starts from a folder in which `kedro run` has been typed once.
"""

import logging
import re
import shutil

import pandas as pd
import pytest
from kedro.framework.cli.utils import _split_params

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
ENSEMBLE = ("ensemble",)
LISTS = ("lists_ss4rec",)
EXPORT = ("export_ncf",)
PLAIN = {"export": {"onnx": False}}
EVERYTHING = {"data_processing": {"split": "all"}}
FOR_USE = (*DATA, *SS4REC)
TWO_EPOCHS = {"epochs_for_use": {"ss4rec": 2}}
NEWEST = {"ensemble": {"members": "ss4rec@latest+ncf@latest"}}
SEEDS = {"ensemble": {"members": "ss4rec@seeds"}}


@pytest.fixture(scope="module")
def reach(tmp_path_factory):
    """Type commands one after another in a folder in which ``kedro run`` has been typed.

    What sequences begin with alike is run once. The next command runs in a copy of the folder, so
    a folder that was reached is never changed again: a test that types more takes a copy, too.

    Returns:
        The folder, and the one line that the last command was refused with, or None.
    """
    reached = {}

    def reach(*commands):
        if repr(commands) not in reached:
            target = tmp_path_factory.mktemp("reached") / "project"
            before = reach(*commands[:-1]) if commands else None
            assert before is None or before[1] is None, before[1]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WANDB_MODE", "disabled")
                patch.chdir(target.parent)
                begun = before[0].project if before else configure(target, log_with_ties())
                folder = Folder(begun, target if before else target.with_name("begun"))
                reached[repr(commands)] = folder, folder.type(*(commands or [(ALL, {})])[-1])
        return reached[repr(commands)]

    return reach


@pytest.fixture
def copy_of(tmp_path, monkeypatch):
    """Copy a folder to type more in it."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    return lambda folder, name="project": Folder(folder.project, tmp_path / name)


KINDS = ("target_ranks", "training_log")
"""What evaluation reads of a training."""

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
    "a leaderboard of what this run trains": (
        [((*SS4REC, "leaderboard"), SEED)],
        r"^a leaderboard takes what is kept already, and this run makes the ranks of ss4rec",
    ),
    "evaluation and a leaderboard": ([((*EVALUATE, "leaderboard"), {})], OK),
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
    "lists for everyone": ([(LISTS, {})], OK),
    "trained for use": ([(FOR_USE, EVERYTHING)], OK),
    "trained for use, then lists": ([(FOR_USE, EVERYTHING), (RECOMMEND, EVERYTHING)], OK),
    "trained for use, then lists for everyone": (
        [(FOR_USE, EVERYTHING), (LISTS, EVERYTHING)],
        OK,
    ),
    "trained for use, then evaluation": (
        [(FOR_USE, EVERYTHING), (EVALUATE, EVERYTHING)],
        r"^with data_processing\.split=all nothing is held out, so that measure_ranks has",
    ),
    "trained for use, then evaluation as before": (
        [(FOR_USE, EVERYTHING), (EVALUATE, {})],
        PROTOCOL.format("split", "all", "leave_one_out"),
    ),
    "trained for use, then all trainings in a table": (
        [(FOR_USE, EVERYTHING), (("leaderboard",), EVERYTHING)],
        r"^with data_processing\.split=all nothing is held out, so that collect_runs has nothing",
    ),
    "trained for use, then a search": (
        [(FOR_USE, EVERYTHING), (("search_ss4rec",), EVERYTHING)],
        r"^with data_processing\.split=all nothing is held out, so that search",
    ),
    "everything on everything": (
        [(ALL, EVERYTHING)],
        r"^with data_processing\.split=all nothing is held out, so that",
    ),
    "trained for use, then back": ([(FOR_USE, EVERYTHING), (DATA, {}), (EVALUATE, {})], OK),
    "trained for use, then all anew": ([(FOR_USE, EVERYTHING), (ALL, {})], OK),
    "trained for use, then the latest": (
        [(FOR_USE, EVERYTHING), (DATA, {}), (EVALUATE, LATEST)],
        OK,
    ),
    "trained for use, never validated": (
        [(FOR_USE, {**EVERYTHING, **MAMBA})],
        r"^ss4rec: with data_processing\.split=all nothing tells when to stop, and no training of",
    ),
    "trained for use, never validated, epochs given": (
        [(FOR_USE, {**EVERYTHING, **MAMBA, **TWO_EPOCHS})],
        OK,
    ),
    "trained for use, validated on other ties": (
        [(FOR_USE, {"data_processing": {"split": "all", "seed": 7}})],
        r"^ss4rec: with data_processing\.split=all nothing tells when to stop",
    ),
    "trained for use twice": ([(FOR_USE, EVERYTHING), (SS4REC, EVERYTHING)], OK),
    "exported": ([(EXPORT, PLAIN)], OK),
    "exported twice": ([(EXPORT, PLAIN), (EXPORT, PLAIN)], OK),
    "exported, then evaluation": ([(EXPORT, PLAIN), (EVALUATE, {})], OK),
    "exported from older data": (
        [(DATA, OTHER_TIES), (EXPORT, {**PLAIN, **OTHER_TIES})],
        r"no training of the present configuration and data",
    ),
    "exported, trained for use": (
        [((*DATA, *NCF), EVERYTHING), (EXPORT, {**EVERYTHING, **PLAIN})],
        OK,
    ),
    "training anew": ([(SS4REC, {"resume": False}), (EVALUATE, {})], OK),
}

SAME_RESULT = {"the same again", "evaluation again", "training again", "other ties and back"} | {
    "other ties, old data back, evaluation", "an ablation, then evaluation",
    "another seed, then evaluation", "training anew", "trained for use, then back",
    "trained for use, then all anew", "trained for use, then the latest",
    "exported, then evaluation",
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_ends_well_or_in_one_line(reach, name):
    commands, complaint = SEQUENCES[name]
    before = reach()[0].newest("comparison.csv")
    folder, refused = reach(*commands)
    if complaint is not None:
        assert refused is not None
        assert pd.Series([refused]).str.contains(complaint).all(), refused
        return
    assert refused is None, refused
    after = folder.newest("comparison.csv")
    assert after[["mean", "low", "high"]].notna().all().all()
    if name in SAME_RESULT:
        pd.testing.assert_frame_equal(after, before)


def test_nothing_that_is_held_out_now_has_been_learned_before(reach, copy_of):
    """Other ties hold out items that the first training has learned: it must not go on."""
    resumed, refused = reach((ALL, {**GROUP, "resume": True}))
    assert refused is None
    fresh = copy_of(reach()[0])
    shutil.rmtree(fresh.project.folder / "data")
    assert fresh.type(ALL, GROUP) is None
    names = [c.MODEL, c.MASK, c.QUERY_TIME, "metric", "mean"]
    pd.testing.assert_frame_equal(
        resumed.newest("comparison.csv")[names], fresh.newest("comparison.csv")[names]
    )


def test_a_report_says_which_training_it_shows(reach):
    """The ablation counts because it was asked for, and its metrics know it."""
    folder, refused = reach((SS4REC, MAMBA), (EVALUATE, LATEST))
    assert refused is None
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
def test_a_part_of_a_pipeline_goes_on_with_its_own_runs_rows_only(reach, copy_of, node, what):
    """Kedro's hint after a failure; another run has replaced them meanwhile."""
    folder, refused = reach((DATA, {"data_processing": {"min_rating": 1}}))
    assert refused is None
    with copy_of(folder).project.session() as session, pytest.raises(ProjectError) as told:
        session.run(pipeline_names=list(DATA), from_nodes=[node])
    line = (
        rf"{what}\S* were made with data_processing\.min_rating=1.0, this run says null: to use "
        r"them, add data_processing\.min_rating=1.0 to --params; to make them anew, run the"
    )
    assert re.match(line, str(told.value))


def test_an_experiment_by_its_name_trains_what_its_parameters_train(reach, copy_of, caplog):
    """What was trained is told by parameters; the name is told beside it."""
    folder = copy_of(reach((SS4REC, SEED))[0])
    experiments = folder.project.folder / "conf/experiments"
    (experiments / "other-seed.yml").write_text(
        "description: another seed\nss4rec: {training: {seed: 5}}\n"
    )
    chosen = {"experiment": "other-seed"}
    assert folder.type(SS4REC, chosen) is None
    assert "ss4rec was trained before with this configuration on this data" in caplog.text
    assert "experiment other-seed" in caplog.text
    facts = folder.facts("ss4rec.weights", **chosen)
    assert facts["experiment_name"] == "other-seed"
    assert "experiment_name" not in reach((SS4REC, SEED))[0].facts("ss4rec.weights", **SEED)
    assert folder.type(EVALUATE, chosen) is None
    assert folder.type(EVALUATE, SEED) is None


def test_a_quiet_run_prints_its_results_alone(reach, copy_of, capsys, monkeypatch):
    folder = copy_of(reach()[0])
    for name in ("seqrec", "kedro"):  # put back when the test ends
        monkeypatch.setattr(logging.getLogger(name), "level", logging.getLogger(name).level)
    capsys.readouterr()
    assert folder.type(EVALUATE, {"runtime": {"log_level": "warning"}}) is None
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    lines = [line for line in lines if "WARNING" not in line]
    assert "full ranking" in lines[0]
    assert lines[-1].startswith("Report: ")
    assert not [line for line in lines if "INFO" in line or "next" in line]


def test_a_training_without_ranks_lends_its_log_to_no_other(reach, copy_of, caplog):
    """It was killed before they were made, or is making them now."""
    folder = copy_of(reach((SS4REC, MAMBA))[0])
    ranks = folder.project.folder / "data/07_model_output/toy/ss4rec/target_ranks.parquet"
    shutil.rmtree(max(ranks.iterdir()))
    assert folder.type(EVALUATE, LATEST) is None
    told = re.findall(r"(ss4rec\.\w+): training (\S+) counts", caplog.text)
    assert told == [(f"ss4rec.{kind}", min(ranks.iterdir()).name) for kind in KINDS]
    before = reach()[0].newest("training_costs.csv")
    pd.testing.assert_frame_equal(folder.newest("training_costs.csv"), before)


def models_of(folder):
    return list(folder.newest("comparison.csv")[c.MODEL].unique())


def test_an_ensemble_is_shown_with_the_data_of_its_members_only(reach, copy_of):
    """Left out on other data, back with the old ones, where a newer one does not replace it."""
    models = ["ss4rec", "ncf", "popularity"]
    folder, refused = reach((ENSEMBLE, {}))
    assert refused is None
    folder = copy_of(folder)
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


def test_an_ensemble_of_seeds_grows_with_them(reach, copy_of):
    """Two seeds, an ensemble, a table, a third seed: the ensemble is made anew or stays."""
    folder, refused = reach((SS4REC, SEED), (ENSEMBLE, SEEDS))
    assert refused is None
    folder = copy_of(folder)
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


def test_without_an_ensemble_nothing_is_written_of_one(reach):
    assert not list((reach()[0].project.folder / "data").rglob("ensemble"))


def test_what_a_refusal_says_to_type_can_be_typed(reach, copy_of):
    """Data made with parameters of their own, and a later command without them."""
    folder, refused = reach((ALL, TEMPORAL), (EVALUATE, {}))
    before = reach((ALL, TEMPORAL))[0].newest("comparison.csv")
    advice = re.search(r"to use them, add (\S+) to --params", refused)[1]
    folder = copy_of(folder)
    assert folder.type(EVALUATE, _split_params(None, None, advice)) is None
    pd.testing.assert_frame_equal(folder.newest("comparison.csv"), before)


def test_a_refusal_names_null_as_it_is_typed(reach):
    _, refused = reach((EVALUATE, {"data_processing": {"min_rating": 2.0}}))
    assert "made with data_processing.min_rating=null, this run says 2.0" in refused


def test_a_report_shows_the_lists_of_the_training_it_compares(reach, copy_of):
    """Whatever was listed last: an ablation's lists are not the compared training's."""
    folder = copy_of(reach()[0])
    assert folder.type(RECOMMEND, {}) is None
    listed = folder.report_of_lists(EVALUATE, {})
    assert listed.count("<td>SS4Rec</td>") == 3
    assert folder.type(SS4REC, MAMBA) is None
    assert folder.type(RECOMMEND, {**MAMBA, "recommend": {"k": 3}}) is None
    assert folder.report_of_lists(EVALUATE, {}) == listed
    of_ablation = folder.report_of_lists(EVALUATE, MAMBA)
    assert of_ablation.count("<td>3</td>") == 3


def test_a_report_shows_the_leaderboard_of_its_protocol(reach, copy_of):
    unmasked = {"evaluation": {"headline_mask": "unmasked"}}
    folder = copy_of(reach()[0])
    assert folder.type(("leaderboard",), {}) is None
    heading = "<h2>Every training on this data</h2>"
    assert heading in folder.report(EVALUATE, {})
    assert heading not in folder.report(EVALUATE, unmasked)


def test_more_than_thirty_sequences():
    assert len(SEQUENCES) >= 30


def files_of(folder):
    """What runs have left, their locks aside."""
    return {
        str(path.relative_to(folder.project.folder))
        for path in (folder.project.folder / "data").rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def versions(folder, model="ss4rec"):
    path = folder.project.folder / "data/06_models/toy" / model / "weights"
    return sorted(version.name for version in path.iterdir())


def test_a_training_for_use_leaves_nothing_that_looks_measured(reach):
    """Its epochs are those that the validated training kept, and no file holds ranks of it."""
    folder, refused = reach((FOR_USE, EVERYTHING))
    assert refused is None
    before, after = (files_of(reach(*typed)[0]) for typed in ((), ((FOR_USE, EVERYTHING),)))
    assert not [name for name in after - before if "target_ranks" in name or "08_rep" in name]
    validated, used = versions(folder)
    facts = folder.facts("ss4rec.weights")
    logs = folder.project.folder / "data/06_models/toy/ss4rec/history.csv"
    scores = pd.read_csv(logs / validated / "history.csv")["NDCG@10"].tolist()
    best = max(place for place, score in enumerate(scores) if score == max(scores)) + 1
    assert facts["for_use"]["epochs"] == best == len(pd.read_csv(logs / used / "history.csv"))
    assert facts["for_use"]["chosen_by"] == validated
    assert facts["best_score"] is None
    assert facts["protocol"]["split"] == "all"


def test_lists_for_everyone_are_read_through_the_catalog(reach):
    folder, refused = reach((LISTS, {}))
    assert refused is None
    with folder.project.session() as session:
        lists = session.load_context().catalog.load("ss4rec.lists").to_pandas()
    assert lists.groupby([c.USER, c.MOMENT])[c.PLACE].max().le(10).all()
    assert lists[c.USER].nunique() == 30
    assert folder.facts("ss4rec.lists")["lists"] == {"users": 30, "k": 10, "exclude_seen": True}


def grow(folder, first_item=0, events=2):
    """Add events of a known and of a new user, known and new items among them."""
    path = folder.project.folder / "log.csv"
    log = pd.read_csv(path)
    rows = [
        (user, item, 5, 2_000_000 + 10 * place)
        for user in (1, 2, 3, 4, 5, 6, 99)
        for place, item in enumerate(range(first_item, first_item + events + 4))
    ]
    rows += [(user, 77, 5, 2_100_000) for user in (1, 2, 3, 4, 5, 99)]
    pd.concat([log, pd.DataFrame(rows, columns=log.columns)]).to_csv(path, index=False)


def going_on_from(version, **more):
    return {"ss4rec": {"training": {"warm_start": version, **more}}}


@pytest.fixture
def grown(reach, copy_of):
    """A folder with a training, whose log has more events now."""
    folder = copy_of(reach()[0])
    grow(folder)
    return folder


def test_going_on_with_more_events_is_measured_and_told_apart(grown, caplog):
    (first,) = versions(grown)
    warm = going_on_from(first)
    assert grown.type((*DATA, *SS4REC, *NCF), warm) is None
    assert "1 new items" in caplog.text
    facts = grown.facts("ss4rec.weights")
    assert facts["warm_start"]["version"] == first
    assert grown.type(EVALUATE, {}).startswith("ss4rec: no training of the present configuration")
    assert grown.type((*EVALUATE, "leaderboard"), warm) is None
    assert f"ss4rec (warm_start={first})" not in models_of(grown)
    assert grown.type(SS4REC, warm) is None
    assert "was trained before with this configuration on this data" in caplog.text


def test_lists_after_going_on_for_use_have_the_new_items(grown):
    (first,) = versions(grown)
    use = {**EVERYTHING, **going_on_from(first), **TWO_EPOCHS}
    assert grown.type(FOR_USE, use) is None
    last = versions(grown)[-1]
    assert grown.type(RECOMMEND, use) is None
    back = grown.type((*DATA, *SS4REC), going_on_from(last))
    assert re.match(
        rf"ss4rec\.training\.warm_start={last}: that version was trained with "
        r"data_processing\.split=all and has learned events that split=leave_one_out holds out",
        back,
    )


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, r"no such version is kept; the newest are 2\S+$"),
        ({"model": {"d_state": 8}}, r"that version has another network \(d_state="),
        (
            {"data": {"min_rating": 2.0}},
            r"trained on other data \(data_processing\.min_rating=null, this run says 2.0\)",
        ),
        ({"data": TEMPORAL["data_processing"]}, r"data_processing.split=leave_one_out and has "),
    ],
)
def test_a_version_that_cannot_be_gone_on_from_is_refused(grown, parameters, complaint):
    before = files_of(grown)
    version = versions(grown)[0] if parameters else "2001-01-01T00.00.00.000Z"
    block = going_on_from(version)
    block["ss4rec"]["model"] = parameters.get("model", {})
    block["data_processing"] = parameters.get("data", {})
    told = grown.type((*DATA, *SS4REC), block)
    assert re.search(rf"^ss4rec\.training\.warm_start={version}: .*{complaint}", told), told
    assert files_of(grown) == before


def test_a_version_of_other_items_is_refused(reach, copy_of):
    folder = copy_of(reach()[0])
    path = folder.project.folder / "log.csv"
    log = pd.read_csv(path)
    log.assign(**{c.ITEM: log[c.ITEM] + 1000}).to_csv(path, index=False)
    (first,) = versions(folder)
    refused = folder.type((*DATA, *SS4REC), going_on_from(first))
    assert re.search(r"24 of the 24 items it knows \(the first is '\d+'\) are not in", refused)
    assert versions(folder) == [first]
