import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from seqrec.errors import ProjectError
from seqrec.metrics.statistics import bootstrap_mean
from seqrec.parameters import Evaluation
from seqrec.pipelines.evaluation import details, plots
from seqrec.pipelines.evaluation.compared import describe_compared
from seqrec.pipelines.evaluation.nodes import (
    compare_models,
    measure_ensemble,
    measure_ranks,
    print_comparison,
    subtract_models,
)
from seqrec.pipelines.evaluation.tables import comparison_table, shown_metrics, verdict
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from seqrec.tables.protocols import at

OPTIONS = Evaluation(bootstrap_samples=200, cutoffs=(1, 10))


def ranks_of(values):
    """The same rank for a user under every protocol."""
    rows = [
        (str(user), "1", mask, when, float(rank), 100)
        for user, rank in enumerate(values)
        for mask in c.MASKS
        for when in c.QUERY_TIMES
    ]
    names = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    return pd.DataFrame(rows, columns=names)


def metrics_of(values):
    return measure_ranks(ranks_of(values), OPTIONS)


def test_a_table_has_the_means_and_intervals_around_them():
    table = compare_models(OPTIONS, good=metrics_of([1, 1, 1, 20]), bad=metrics_of([20] * 4))
    row = table[(table[c.MODEL] == "good") & (table["metric"] == "HR@10")].iloc[0]
    assert row["mean"] == 0.75
    assert row["low"] < 0.75 < row["high"] + 1e-12
    bad = table[(table[c.MODEL] == "bad") & (table["metric"] == "NDCG@10")]
    assert (bad[["mean", "low", "high"]] == 0).all(axis=None)
    assert len(table) == 2 * 4 * 6


MEMBERS = [
    {"name": name, "model": {}, "training": {"seed": 3}, "version": f"v{name}"}
    for name in ("ss4rec", "ncf")
]


def ensemble_of(values, data="now"):
    """What is measured of an ensemble whose members were trained on some data."""
    ranks = ranks_of(values)
    ranks.attrs[FACTS] = {"members": MEMBERS, "data": data}
    return measure_ensemble(ranks, {"fingerprint": "now"}, OPTIONS)


def test_an_ensemble_has_a_row_of_its_own(capsys):
    metrics = {"ss4rec": metrics_of([2] * 4), "ncf": metrics_of([20] * 4)}
    metrics["ensemble"] = ensemble_of([1] * 4)
    comparison = compare_models(OPTIONS, **metrics)
    differences = subtract_models(OPTIONS, **metrics)
    assert list(comparison[c.MODEL].unique()) == ["ss4rec", "ncf", "Ensemble of 2"]
    means = comparison[comparison["metric"] == "MRR@10"].groupby(c.MODEL)["mean"].first()
    assert means["Ensemble of 2"] == 1
    facts = describe_compared({"fingerprint": "now"}, {}, **metrics)
    (model,) = facts["models"]  # of the others nothing is known here
    members = ["SS4Rec, seed 3, vss4rec", "NCF (NeuMF), seed 3, vncf"]
    assert (model["model"], model["members"]) == ("Ensemble of 2", members)
    print_comparison(OPTIONS, comparison, differences, facts)
    told = capsys.readouterr().out
    assert "Ensemble of 2: SS4Rec, seed 3, vss4rec; NCF (NeuMF), seed 3, vncf." in told
    assert "SS4Rec is worse than Ensemble of 2 by" in told


@pytest.mark.parametrize("data", ["before", None])
def test_an_ensemble_of_other_data_is_left_out_and_said(data, caplog):
    metrics = {"ss4rec": metrics_of([2] * 4), "ncf": metrics_of([20] * 4)}
    without = compare_models(OPTIONS, **metrics)
    measured = ensemble_of([1] * 4, data)
    assert "ensemble: it was made from other data than is there now: left out" in caplog.text
    pd.testing.assert_frame_equal(compare_models(OPTIONS, **metrics, ensemble=measured), without)
    assert describe_compared({}, {}, **metrics, ensemble=measured)["models"] == []


def test_an_ensemble_that_is_not_there_is_not_missed():
    nothing = measure_ensemble(pd.DataFrame(), {"fingerprint": "now"}, OPTIONS)
    metrics = {"ss4rec": metrics_of([2] * 4), "ncf": metrics_of([20] * 4)}
    table = compare_models(OPTIONS, **metrics, ensemble=nothing)
    assert list(table[c.MODEL].unique()) == ["ss4rec", "ncf"]


def test_an_ensemble_of_other_held_out_items_is_refused():
    """Where fingerprints agree and items do not, something is wrong: no figure is made of it."""
    ranks = ranks_of([1] * 4)
    ranks[c.ITEM] = "2"
    ranks.attrs[FACTS] = {"members": MEMBERS, "data": "now"}
    measured = measure_ensemble(ranks, {"fingerprint": "now"}, OPTIONS)
    with pytest.raises(ProjectError, match=r"^Ensemble of 2 was .*ensemble,evaluation\)$"):
        compare_models(OPTIONS, ss4rec=metrics_of([2] * 4), ensemble=measured)


def test_differences_are_paired():
    """Users differ wildly, the models by the same amount for each: no uncertainty is left."""
    ranks = np.array([1, 2, 3, 5, 8, 9] * 20)
    better, worse = metrics_of(ranks), metrics_of(ranks)
    worse["MRR@10"] = better["MRR@10"] - 0.01
    table = subtract_models(OPTIONS, ss4rec=better, ncf=worse)
    row = table[table["metric"] == "MRR@10"].iloc[0]
    assert row[["mean", "low", "high"]].astype(float).tolist() == pytest.approx([0.01] * 3)


def test_users_are_paired_by_name_not_by_row():
    ranks = ranks_of([1, 50, 1, 50])
    shuffled = measure_ranks(ranks.sample(frac=1, random_state=1), OPTIONS)
    table = subtract_models(OPTIONS, ss4rec=measure_ranks(ranks, OPTIONS), ncf=shuffled)
    assert (table[["mean", "low", "high"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ([1] * 40, [50] * 40, "SS4Rec is better than NCF (NeuMF) by 1.0000"),
        ([50] * 40, [1] * 40, "SS4Rec is worse than NCF (NeuMF) by 1.0000"),
        ([1, 50] * 20, [50, 1] * 20, "SS4Rec and NCF (NeuMF) do not differ beyond noise"),
    ],
)
def test_the_verdict_says_what_the_interval_allows(ours, theirs, said):
    table = subtract_models(OPTIONS, ss4rec=metrics_of(ours), ncf=metrics_of(theirs))
    (line,) = verdict(table, OPTIONS)
    assert line.startswith(said)
    assert "95% interval over users only" in line  # one training each


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (1, 50, "SS4Rec is above NCF (NeuMF) by 1.0000 in NDCG@10 for the only user"),
        (50, 1, "SS4Rec is below NCF (NeuMF) by 1.0000 in NDCG@10 for the only user"),
        (1, 1, "SS4Rec is level with NCF (NeuMF) in NDCG@10 for the only user"),
    ],
)
def test_one_user_gives_no_interval(ours, theirs, said):
    metrics = {"ss4rec": metrics_of([ours]), "ncf": metrics_of([theirs])}
    (line,) = verdict(subtract_models(OPTIONS, **metrics), OPTIONS)
    assert line == f"{said}: one user gives no interval."
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(
        comparison_table(compare_models(OPTIONS, **metrics), OPTIONS, shown_metrics(OPTIONS))
    )
    told = console.export_text()
    assert "±" not in told
    assert "one user gives no interval" in told


@pytest.mark.parametrize("mask", c.MASKS)
@pytest.mark.parametrize("query_time", c.QUERY_TIMES)
def test_everything_that_is_shown_first_is_at_the_headline(mask, query_time, interactions):
    """A model that is best under one protocol and worst under the three others."""
    options = OPTIONS.model_copy(
        update={"headline_mask": mask, "headline_query_time": query_time, "cutoffs": (10,)}
    )
    users = sorted(interactions[c.USER].unique())
    ranks = ranks_of([50] * len(users)).assign(**{c.USER: np.repeat(users, 4)})
    ours = ranks.copy()
    ours.loc[at(ours, mask, query_time).index, c.RANK] = 1.0
    metrics = {"ss4rec": measure_ranks(ours, options), "ncf": measure_ranks(ranks, options)}
    assert "SS4Rec is better" in verdict(subtract_models(options, **metrics), options)[0]
    bars = plots.plot_metrics(compare_models(options, **metrics), options).data
    assert [list(bar.y) for bar in bars] == [[1.0] * 3, [0.0] * 3]
    curves = plots.plot_ranks(options, ss4rec=ours, ncf=ranks).data
    assert [curve.y[0] for curve in curves] == [1.0, 0.0]
    assert [curve.name for curve in curves] == ["SS4Rec", "NCF (NeuMF)"]
    slices = details.slice_users(options, interactions, **metrics)
    assert (slices["SS4Rec"] == 1).all()
    assert (slices["NCF (NeuMF)"] == 0).all()


def test_the_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        interval = bootstrap_mean(generator.exponential(size=(100, 1)), 300, 0.9, seed)
        covered += interval.low[0] <= 1.0 <= interval.high[0]
    assert 0.82 < covered / 200 < 0.95


def test_a_random_scorer_lands_where_chance_puts_it():
    ranks = np.random.default_rng(1).integers(1, 101, size=20_000)
    table = metrics_of(ranks)
    chosen = at(table, c.MASKED, c.KNOWN)
    assert chosen["HR@10"].mean() == pytest.approx(0.1, abs=0.01)


def training_log(**columns):
    table = pd.DataFrame({"epoch": [0, 1, 2], "NDCG@10": [0.1, 0.3, 0.2]})
    figures = dict.fromkeys(("train_seconds", "valid_seconds", "memory_gib"), 1.0)
    norms = {"targets_per_second": 10.0, "gradient_norm": 2.0, "largest_gradient_norm": 5.0}
    return table.assign(**{**figures, **norms, **columns})


def test_what_trainings_took_and_whether_a_number_was_none():
    table = details.summarise_trainings(
        good=training_log(), bad=training_log(gradient_norm=[1, np.nan, 2])
    )
    assert table["NaN or Inf"].tolist() == [0, 1]
    row = table.iloc[0]
    assert (row["epochs"], row["best epoch"], row["seconds"]) == (3, 2, 6.0)
    assert row["largest gradient norm"] == 5.0


def test_slices_have_every_user_once_per_kind(interactions):
    users = sorted(interactions[c.USER].unique())
    metrics = {
        name: metrics_of([rank] * len(users)).assign(**{c.USER: sorted(users * 4)})
        for name, rank in (("ss4rec", 1), ("ncf", 99))
    }
    table = details.slice_users(OPTIONS, interactions, **metrics)
    assert table.groupby("kind")["users"].sum().tolist() == [len(users)] * 2
    assert (table["SS4Rec"] == 1).all()
    assert (table["NCF (NeuMF)"] == 0).all()


def test_examples_go_from_the_best_to_the_worst(interactions):
    users = interactions[c.USER].unique()
    movies = interactions[[c.ITEM]].drop_duplicates()
    movies = movies.assign(**{c.TITLE: "Film " + movies[c.ITEM]})
    ranks = ranks_of(np.arange(len(users))).replace({c.USER: dict(enumerate_users(users))})
    examples = details.pick_examples(OPTIONS, interactions, movies, ss4rec=ranks, ncf=ranks)
    assert len(examples) == details.EXAMPLES
    of_reference = [example["ranks"]["SS4Rec"] for example in examples]
    assert of_reference == sorted(of_reference)
    first = examples[0]
    own = interactions[interactions[c.USER] == first["user"]]
    assert first["items"][-1]["title"] == f"Film {own[c.ITEM].iloc[-1]}"
    assert first["items"][-1]["after"].endswith(("later", "same second"))


def enumerate_users(users):
    return ((str(place), user) for place, user in enumerate(users))
