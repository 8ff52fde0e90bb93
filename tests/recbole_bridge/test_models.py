"""One behaviour suite for every model the template can train."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.datasets.model_artifact import ModelArtifactDataset
from seqrec.errors import ProjectError
from seqrec.histories.arrays import CODE
from seqrec.metrics.ranking import metric_table
from seqrec.model_registry import MODELS
from seqrec.recbole_bridge.api import rank
from seqrec.tables import columns as c
from tests.conftest import CPU, cyclic_ratings, process
from tests.recbole_bridge.helpers import evaluate, loaded, loaders_of, recommender_class
from tests.recbole_bridge.helpers import train_of as trained

pytestmark = pytest.mark.parametrize("name", list(MODELS))


def hit_rate_at_1(name, artifact, files):
    ranks = rank(artifact, files, CPU)
    wanted = (ranks[c.MASK] == c.UNMASKED) & (ranks[c.QUERY_TIME] == c.KNOWN)
    return (ranks[wanted][c.RANK] == 1).mean()


def train_pairs(loaders):
    """Every training interaction, flat."""
    flat = loaders.dataset.histories
    rows = flat.splits == CODE[c.TRAIN]
    columns = {c.USER: flat.users[rows], c.ITEM: flat.items[rows]}
    return {name: torch.from_numpy(x).long() for name, x in columns.items()}


def test_it_learns_a_toy_pattern(name, files, make_files):
    """The ring: histories tell the next step; the others recall the pairs they were shown."""
    if name not in ("ncf", "bprmf"):
        artifact, _ = trained(name, files, epochs=40, early_stopping=40)
        assert hit_rate_at_1(name, artifact, files) > 0.9
        return
    artifact, _ = trained(name, files, epochs=60, early_stopping=60)
    model, loaders = loaded(artifact, files)
    pairs = train_pairs(loaders)
    scores = model.full_sort_predict(pairs)
    own = torch.zeros(loaders.dataset.user_num, loaders.dataset.item_num, dtype=torch.bool)
    own[pairs[c.USER], pairs[c.ITEM]] = True
    others = scores.masked_fill(own[pairs[c.USER]], -torch.inf)[:, 1:]
    mine = scores.gather(1, pairs[c.ITEM][:, None])
    assert (mine > others).float().mean() > 0.95


def test_the_loss_falls(name, files):
    _, history = trained(name, files, epochs=6)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert np.isfinite(history.to_numpy(dtype=float)).all()


def test_predict_equals_full_sort(name, files):
    loaders = loaders_of(name, files)
    model = loaders.parts.recommender.eval()
    for batch in loaders.test:
        rows = len(batch[c.USER])
        full = model.full_sort_predict(batch).view(rows, -1)
        for item in range(1, loaders.dataset.item_num):
            one = batch | {c.ITEM: torch.full((rows,), item)}
            torch.testing.assert_close(model.predict(one), full[:, item])


def test_save_and_load_keep_every_rank(name, files, tmp_path):
    artifact, _ = trained(name, files)
    dataset = ModelArtifactDataset(filepath=str(tmp_path / "weights"))
    dataset.save(artifact)
    pd.testing.assert_frame_equal(rank(dataset.load(), files, CPU), rank(artifact, files, CPU))


@pytest.mark.parametrize("ssm_backend", ["naive", "torch", "triton"])
def test_a_checkpoint_ranks_the_same_on_every_backend(name, files, ssm_backend):
    if ssm_backend == "triton":
        pytest.importorskip("triton")
    if name != "ss4rec" and ssm_backend != "naive":
        pytest.skip("one more backend is enough where SS4Rec has tried them all")
    artifact, _ = trained(name, files)
    elsewhere = CPU.model_copy(update={"ssm_backend": ssm_backend})
    pd.testing.assert_frame_equal(rank(artifact, files, elsewhere), rank(artifact, files, CPU))


def test_the_same_seed_gives_the_same_numbers(name, files):
    (first, history), (second, again) = (trained(name, files) for _ in range(2))
    seconds = ["train_seconds", "valid_seconds", "targets_per_second", "memory_gib"]
    pd.testing.assert_frame_equal(history.drop(columns=seconds), again.drop(columns=seconds))
    assert all(torch.equal(first.weights[k], second.weights[k]) for k in first.weights)
    other, _ = trained(name, files, seed=12)
    assert not all(torch.equal(first.weights[k], other.weights[k]) for k in first.weights)


@pytest.mark.parametrize("mask", c.MASKS)
def test_our_metrics_equal_recboles_evaluator(name, files, mask):
    artifact, _ = trained(name, files, valid_mask=mask)
    _, loaders = loaded(artifact, files)
    theirs = evaluate(loaders, c.TEST)
    ranks = rank(artifact, files, CPU)
    wanted = (ranks[c.MASK] == mask) & (ranks[c.QUERY_TIME] == c.KNOWN)
    ours = metric_table(ranks[wanted][c.RANK], (1, 5, 10, 20)).mean()
    for metric, value in theirs.items():
        assert ours[metric.upper().replace("HIT", "HR")] == pytest.approx(value, abs=1e-9)


def test_ranks_have_a_row_per_user_and_protocol(name, files, interactions):
    ranks = rank(trained(name, files)[0], files, CPU)
    assert len(ranks) == 4 * interactions[c.USER].nunique()
    test_items = interactions[interactions[c.SPLIT] == c.TEST].set_index(c.USER)[c.ITEM]
    assert (ranks[c.ITEM].to_numpy() == test_items[ranks[c.USER]].to_numpy()).all()
    n_items = interactions[c.ITEM].nunique()
    assert (ranks[ranks[c.MASK] == c.UNMASKED][c.CANDIDATES] == n_items).all()
    assert (ranks[ranks[c.MASK] == c.MASKED][c.CANDIDATES] < n_items).all()


def test_a_model_is_refused_for_other_users_or_items(name, files, make_files):
    artifact, _ = trained(name, files)
    other = make_files(process(cyclic_ratings(users=20)))
    with pytest.raises(ProjectError, match=f"{name}.weights was trained on other users or items"):
        rank(artifact, other, CPU)


def test_a_loss_that_is_no_number_stops_training(name, files, monkeypatch):
    def broken(self, interaction):
        return next(self.parameters()).sum() * float("nan")

    monkeypatch.setattr(recommender_class(name), "calculate_loss", broken)
    with pytest.raises(FloatingPointError, match="training loss is nan in epoch 0, step 0"):
        trained(name, files)


def test_the_best_epoch_is_kept_not_the_last(name, files):
    artifact, history = trained(name, files, epochs=8, learning_rate=0.05, early_stopping=8)
    best = history["NDCG@10"].max()
    _, loaders = loaded(artifact, files)
    result = evaluate(loaders, c.VALID)
    assert result["ndcg@10"] == pytest.approx(best)


def test_training_leaves_no_file_behind(name, files, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    trained(name, files)
    assert list(empty.iterdir()) == []
