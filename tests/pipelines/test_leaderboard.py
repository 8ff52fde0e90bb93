"""The leaderboard: what belongs together, what counts, what is noise."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from seqrec.datasets.trained_models import TrainedModel, TrainedModelsDataset
from seqrec.errors import ProjectError
from seqrec.metrics.ranking import metric_table
from seqrec.metrics.statistics import bootstrap_seeds
from seqrec.parameter_tree import Parameters
from seqrec.parameters import Evaluation
from seqrec.pipelines._slices import slice_runs
from seqrec.pipelines.leaderboard import nodes
from seqrec.pipelines.leaderboard.runs import label
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from tests.conftest import ROOT

OPTIONS = Evaluation(bootstrap_samples=400, cutoffs=(1, 10))
PARAMETERS = {
    name: block
    for path in (ROOT / "conf/base").glob("parameters_*.yml")
    for name, block in yaml.safe_load(path.read_text()).items()
}
USUAL = Parameters.model_validate(PARAMETERS).model_dump(mode="json")


def trained(name, ranks, interactions, version="v1", seed=1, **changes):
    """A training whose ranks are given, a row per user and protocol."""
    test = interactions[interactions[c.SPLIT] == c.TEST]
    table = pd.concat(
        [
            pd.DataFrame({c.USER: test[c.USER], c.ITEM: test[c.ITEM], c.MASK: mask})
            .assign(**{c.QUERY_TIME: when, c.RANK: np.broadcast_to(ranks, len(test))})
            .assign(**{c.CANDIDATES: 1000})
            for mask in c.MASKS
            for when in c.QUERY_TIMES
        ]
    )
    usual = USUAL.get(name, {"model": {}, "training": {}})
    config = {
        part: {n: changes.get(n, value) for n, value in usual[part].items()}
        for part in ("model", "training")
    }
    config["training"]["seed"] = seed
    log = pd.DataFrame(
        {
            "train_seconds": [1.0, 2.0],
            "valid_seconds": [0.5, 0.5],
            "memory_gib": [1.0, 2.0],
            "largest_gradient_norm": [3.0, 1.0],
        }
    )
    return TrainedModel(name, version, config, log, table)


def board(models, interactions):
    runs = nodes.collect_runs(models, interactions, PARAMETERS, OPTIONS)
    return runs, nodes.rank_models(runs, OPTIONS), nodes.subtract_from_reference(runs, OPTIONS)


def test_seeds_are_averaged_and_the_better_model_is_first(interactions):
    models = [trained("ncf", 50.0, interactions)]
    models += [trained("ss4rec", rank, interactions, f"v{rank}", rank) for rank in (1, 3)]
    _, table, differences = board(models, interactions)
    assert table[c.MODEL].tolist() == ["ss4rec", "ncf"]
    assert table["seeds"].tolist() == [2, 1]
    assert table["NDCG@10"].tolist() == pytest.approx([(1 + 0.5) / 2, 0])
    assert table["seed_spread"].iloc[0] == pytest.approx(np.std([1, 0.5], ddof=1))
    assert table["seconds"].iloc[0] == 4.0
    (row,) = differences.to_dict("records")
    assert (row[c.MODEL], row["other"]) == ("ss4rec", "ncf")
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.75, 0.5, 1.0))


def test_other_parameters_are_another_row_and_equal_ones_the_newest(interactions):
    models = [
        trained("ss4rec", 5.0, interactions, "v1"),
        trained("ss4rec", 1.0, interactions, "v2"),
        trained("ss4rec", 9.0, interactions, "v3", loss_type="BPR"),
        trained("ss4rec", 1.0, interactions, "v4", seed=2, epochs=3),
    ]
    _, table, _ = board(models, interactions)
    assert table[c.MODEL].tolist() == ["ss4rec", "ss4rec (loss_type=BPR)"]
    assert table["seeds"].tolist() == [2, 1]
    assert table["NDCG@10"].iloc[0] == 1.0


def test_a_label_names_what_differs(interactions):
    model = trained("ss4rec", 1.0, interactions, loss_type="BPR", learning_rate=0.0012345)
    assert label(model, USUAL) == "ss4rec (learning_rate=0.00123, loss_type=BPR)"
    # A name that the environment leaves to its default: another model all the same.
    assert "parts" not in PARAMETERS["ss4rec"]["model"]
    ablation = trained("ss4rec", 1.0, interactions, parts="s5")
    assert label(ablation, USUAL) == "ss4rec (parts=s5)"
    assert label(trained("popularity", 1.0, interactions), {}) == "popularity"


def ensemble(rank, interactions, version, *members):
    """An ensemble's ranks, which name the members' configurations."""
    made = trained("popularity", rank, interactions, version)
    made.target_ranks.attrs[FACTS] = {"members": [dict(x.config, name=x.name) for x in members]}
    return TrainedModel("ensemble", version, {}, None, made.target_ranks)


def test_an_ensemble_is_named_by_its_members(interactions):
    """Other members are another row, the same ones a newer version of it."""
    seeds = [trained("ss4rec", 5.0, interactions, f"v{n}", n) for n in (1, 2)]
    ablation = trained("ss4rec", 5.0, interactions, "v3", parts="mamba")
    ncf = trained("ncf", 9.0, interactions)
    models = [
        *(*seeds, ncf),
        ensemble(8.0, interactions, "v4", *seeds, ncf),
        ensemble(1.0, interactions, "v5", *seeds, ncf),
        ensemble(2.0, interactions, "v6", *seeds, ablation),
        ensemble(3.0, interactions, "v7", *seeds),
    ]
    _, table, differences = board(models, interactions)
    assert table[c.MODEL].tolist() == [
        "Ensemble of 3 (2 × ss4rec, ncf)",
        "Ensemble of 3 (2 × ss4rec, ss4rec (parts=mamba))",
        "Ensemble of 2 (2 × ss4rec)",
        "ss4rec",
        "ncf",
    ]
    assert table["seeds"].tolist() == [1, 1, 1, 2, 1]
    assert table["NDCG@10"].iloc[0] == 1.0
    assert set(differences["covers"]) == {"users only"}


def test_trainings_on_other_data_are_left_out_and_said(interactions, caplog):
    other = interactions.copy()
    last = other[c.SPLIT] == c.TEST
    other.loc[last, c.ITEM] = np.roll(other.loc[last, c.ITEM], 1)
    models = [trained("ss4rec", 1.0, interactions), trained("ncf", 1.0, other)]
    _, table, differences = board(models, interactions)
    assert table[c.MODEL].tolist() == ["ss4rec"]
    assert differences.empty
    assert "1 trainings had other held-out items" in caplog.text
    with pytest.raises(ProjectError, match="no training on this data"):
        nodes.collect_runs(models[1:], interactions, PARAMETERS, OPTIONS)


def test_slices_cover_every_user_once(interactions):
    runs, _, _ = board([trained("ss4rec", 2.0, interactions)], interactions)
    slices = slice_runs(runs, interactions, OPTIONS)
    users = interactions[c.USER].nunique()
    assert slices.groupby("kind")["users"].sum().tolist() == [users, users]
    assert slices["mean"].to_numpy() == pytest.approx(1 / np.log2(3))


def test_an_interval_says_what_it_covers(interactions, capsys):
    """Fewer than three trainings: another one may lie outside, and every sentence says so."""
    users = interactions[c.USER].nunique()
    models = [trained("popularity", 400.0, interactions)]
    models += [trained("ncf", 300.0, interactions, f"v{seed}", seed) for seed in (1, 2)]
    for seed in (1, 2, 3):
        ranks = np.arange(users) % 5 + float(seed)
        models.append(trained("ss4rec", ranks, interactions, f"v{seed}", seed))
    _, table, differences = board(models, interactions)
    assert differences.set_index("other")["covers"].to_dict() == {
        "ncf": "users only",
        "popularity": "users and seeds",
    }
    nodes.print_leaderboard(table, differences, OPTIONS)
    told = capsys.readouterr().out.splitlines()
    (ncf,) = (line for line in told if "than ncf by" in line)
    (popularity,) = (line for line in told if "than popularity by" in line)
    rows = [[cell.strip() for cell in line.split("│")] for line in told if line.startswith("│")]
    (heading,) = (re.split("[┃│]", line) for line in told if line.startswith("┃"))
    place = [cell.strip() for cell in heading].index("over")
    said = {row[1]: row[place] for row in rows}
    assert said == {"ss4rec": "users and seeds", "ncf": "users only", "popularity": "users"}
    assert "over users only" in ncf
    assert "users only" not in popularity


def test_noise_is_called_noise_and_a_difference_a_difference(interactions, capsys):
    generator = np.random.default_rng(1)
    users = interactions[c.USER].nunique()
    equal = generator.permutation(np.arange(users) % 12 + 1.0)
    models = [
        trained("ss4rec", np.arange(users) % 12 + 1.0, interactions),
        trained("ncf", equal, interactions),
        trained("sasrec", 400.0, interactions),
    ]
    _, table, differences = board(models, interactions)
    nodes.print_leaderboard(table, differences, OPTIONS)
    told = capsys.readouterr().out
    assert "ss4rec and ncf do not differ beyond noise" in told
    assert "ss4rec is better than sasrec by 0." in told
    assert nodes.plot_leaderboard(table).data[0].x.size == 3


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_one_user_gives_no_interval(interactions, capsys):
    alone = interactions[interactions[c.USER] == interactions[c.USER].iloc[0]]
    models = [trained("ss4rec", 1.0, alone, f"v{seed}", seed) for seed in (1, 2, 3)]
    _, table, differences = board([*models, trained("ncf", 50.0, alone)], alone)
    nodes.print_leaderboard(table, differences, OPTIONS)
    told = capsys.readouterr().out
    assert "ss4rec minus ncf is +1.0000 NDCG@10 for the only user: one user gives no in" in told
    assert "nan" not in told
    assert " to " not in told.split("bootstrap interval")[0]
    assert "one user" in told
    assert (differences["p_holm"] == 1).all()


def test_more_trainings_make_the_interval_narrower():
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(8, 1)) + generator.normal(size=(8, 500))
    few, many = (bootstrap_seeds(noise[:n], None, 500, 0.95, 1) for n in (2, 8))
    one = bootstrap_seeds(noise[:1], None, 500, 0.95, 1)
    assert one.high - one.low < many.high - many.low  # one training hides that trainings differ
    assert many.low < noise.mean() < many.high
    assert few.effect != 0


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        first = generator.normal(0.1, 1.0, size=(1, 150))
        found = bootstrap_seeds(first, None, 300, 0.9, trial)
        covered += found.low <= 0.1 <= found.high
    assert 0.83 < covered / 200 < 0.96


def test_a_random_scorer_lands_where_theory_puts_it():
    candidates, generator = 500, np.random.default_rng(5)
    found = metric_table(generator.integers(1, candidates + 1, 200_000), (10,)).mean()
    first = np.arange(1, 11)
    assert found["HR@10"] == pytest.approx(10 / candidates, rel=0.05)
    assert found["NDCG@10"] == pytest.approx((1 / np.log2(first + 1)).sum() / candidates, rel=0.05)
    assert found["MRR@10"] == pytest.approx((1 / first).sum() / candidates, rel=0.05)


def test_half_removed_trainings_are_named(tmp_path, caplog):
    place = tmp_path / "out/ncf/target_ranks.parquet/2026-01-01T00.00.00.000Z"
    place.mkdir(parents=True)
    pd.DataFrame({c.USER: ["1"]}).to_parquet(place / "target_ranks.parquet")
    (tmp_path / "models/ncf/weights").mkdir(parents=True)
    dataset = TrainedModelsDataset(outputs=str(tmp_path / "out"), models=str(tmp_path / "models"))
    assert dataset.load() == []
    assert "ncf of 2026-01-01T00.00.00.000Z has no weights or history" in caplog.text
