"""Training against unseen candidates: batches and losses against plain sets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from seqrec.histories import batches as b
from seqrec.histories import loaders as loaders_module
from seqrec.histories.loaders import make_train_loader
from seqrec.ops.backend import resolve
from seqrec.recbole_bridge.api import rank
from seqrec.tables import columns as c
from tests.conftest import CPU, MODEL_OF, N_ITEMS
from tests.recbole_bridge.helpers import loaders_of, train_of

HISTORY_MODELS = ("ss4rec", "mamba4rec", "sasrec", "gru4rec", "hstu")
SHORT = 4
"""Inputs of a window: histories have up to 13."""


def short(name):
    return MODEL_OF[name](max_length=SHORT)


def steps_of(loader, epoch=0):
    """Rows and batch of every part of an epoch."""
    plan = loader.start(epoch)
    for planned, parts in zip(plan.parts, loader.parts(0), strict=True):
        for part, fields in zip(planned, parts, strict=True):
            yield loader._rows[part.rows], loader.expand(fields)


def positions_of(histories, rows):
    """Row, step, target and items so far of every learned position, from the flat arrays."""
    for row, (start, length, first) in enumerate(
        zip(rows.start, rows.length, rows.first_target, strict=True)
    ):
        begin = histories.offsets[histories.offsets <= start].max()
        for step in range(first, length):
            so_far = set(histories.items[begin : start + step + 1].tolist())
            yield row, step, int(histories.items[start + step + 1]), so_far


def loss_by_sets(model, batch, histories, rows):
    """The loss over the candidates of each learned position, one by one."""
    hidden, weight = model.encode(batch), model.item_embedding.weight
    losses = []
    for row, step, target, so_far in positions_of(histories, rows):
        h = hidden[row, step] if hidden.dim() == 3 else hidden[batch[b.CU_SEQLENS][row] + step]
        candidates = [v for v in range(len(weight)) if v not in so_far or v == target]
        logits = weight[candidates] @ h
        losses.append(F.cross_entropy(logits, torch.tensor(candidates.index(target))))
    return torch.stack(losses).mean()


def gradients(loss, model):
    return [loss.detach(), *torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)]


def repack(loaders):
    """The same loader with batches without padding, whatever the backend."""
    return make_train_loader(replace(loaders.parts.feed, packed=True))


def assert_same_as_by_sets(model, loader, histories, tolerance):
    some = 0
    for rows, batch in steps_of(loader):
        ours = gradients(model.calculate_loss(batch), model)
        expected = gradients(loss_by_sets(model, batch, histories, rows), model)
        for x, wanted in zip(ours, expected, strict=True):
            if wanted is not None:
                torch.testing.assert_close(x, wanted, rtol=tolerance, atol=tolerance)
        some += int((histories.before(rows) > 0).sum())
    assert some > 20  # windows in the middle of a history are among them


@pytest.mark.parametrize("mode", ["sequence", "prefix"])
@pytest.mark.parametrize("name", HISTORY_MODELS)
def test_the_loss_is_that_over_the_candidates(name, files, mode):
    changes = {"training_mode": mode, "candidates": "unseen"}
    loaders = loaders_of(name, files, short(name), **changes)
    model = loaders.parts.recommender.eval()
    assert_same_as_by_sets(model, loaders.train, loaders.feed.histories, 2e-5)


@pytest.mark.parametrize("mode", ["sequence", "prefix"])
@pytest.mark.parametrize("backend", ["naive", "triton"])
def test_the_same_in_packed_batches(files, mode, backend, monkeypatch):
    pytest.importorskip("triton")
    monkeypatch.setattr(loaders_module, "ROUND_TOKENS", 8)  # else most positions are nobody's
    runtime = CPU.model_copy(update={"ssm_backend": "naive"})
    changes = {"training_mode": mode, "candidates": "unseen", "batch_size": 60}
    loaders = loaders_of("ss4rec", files, short("ss4rec"), runtime, **changes)
    model = loaders.parts.recommender.eval()
    model.backend = resolve(backend, "cpu")  # of the loss: the network keeps its own
    assert_same_as_by_sets(model, repack(loaders), loaders.feed.histories, 1e-4)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_batches_cut_on_the_host_bring_what_lies_before_them(files, packed, workers):
    runtime = CPU.model_copy(update={"workers": workers})
    loaders = loaders_of("ss4rec", files, short("ss4rec"), runtime, candidates="unseen")
    feed = replace(loaders.parts.feed, packed=packed)
    here, there = make_train_loader(feed), make_train_loader(feed)
    there._on_host = True
    for (_, own), (_, cut) in zip(steps_of(here), steps_of(there), strict=True):
        assert own.keys() <= cut.keys()
        assert all(torch.equal(own[name], cut[name]) for name in own)
        assert own[b.BEFORE].sum() == (own[b.BEFORE_LIST] > 0).sum()


def test_sizes_do_not_depend_on_the_step(files):
    """Only the last, smaller step may differ: a CUDA graph replays the others."""
    loaders = loaders_of("ss4rec", files, short("ss4rec"), candidates="unseen")
    loader = repack(loaders)
    sizes = [{k: x.shape for k, x in batch.items()} for _, batch in steps_of(loader)]
    assert len(sizes) > 3
    assert all(size == sizes[0] for size in sizes)


@pytest.mark.parametrize("loss_type", ["CE", "sampled_CE", "BPR"])
@pytest.mark.parametrize("candidates", ["all", "unseen"])
def test_nothing_more_is_cut_where_nothing_is_left_out(files, candidates, loss_type):
    changes = {"loss_type": loss_type, "candidates": candidates}
    loader = loaders_of("ss4rec", files, short("ss4rec"), **changes).train
    needed = candidates == "unseen" and loss_type != "BPR"
    for _, batch in steps_of(loader):
        assert (b.BEFORE_LIST in batch) == (b.BEFORE in batch) == needed


def test_drawn_items_that_a_position_has_seen_do_not_count(files):
    changes = {"loss_type": "sampled_CE", "candidates": "unseen", "negatives": 30}
    loaders = loaders_of("ss4rec", files, short("ss4rec"), **changes)
    model = loaders.parts.recommender.eval()
    weight = model.item_embedding.weight
    for rows, batch in steps_of(loaders.train):
        hidden, losses = model.encode(batch), []
        for row, step, target, so_far in positions_of(loaders.feed.histories, rows):
            drawn = batch[b.NEGATIVE_LIST]
            kept = [v for v in drawn.tolist() if v not in so_far and v != target]
            logits = weight[[target, *kept]] @ hidden[row, step]
            logits[1:] -= batch[b.LOG_Q][kept] + np.log(len(drawn))
            losses.append(F.cross_entropy(logits, torch.tensor(0)))
        torch.testing.assert_close(model.calculate_loss(batch), torch.stack(losses).mean())


def accumulated(files, **changes):
    return train_of("ss4rec", files, short("ss4rec"), candidates="unseen", **changes)


def test_accumulated_passes_are_the_same_step(files):
    """Also with more passes than rows: some have nothing to do."""
    whole, split = (accumulated(files, accumulate=passes)[1] for passes in (1, 50))
    assert whole["loss"].tolist() == pytest.approx(split["loss"].tolist(), rel=1e-4)


@pytest.mark.parametrize("name", HISTORY_MODELS)
def test_it_learns_what_masked_ranking_ranks(name, files):
    """Ranks are as good as with all candidates; seen items are not held down any more."""
    found = {}
    for candidates in ("all", "unseen"):
        artifact, _ = train_of(name, files, epochs=40, early_stopping=40, candidates=candidates)
        ranks = rank(artifact, files, CPU)
        known = ranks[ranks[c.QUERY_TIME] == c.KNOWN]
        found[candidates] = known.groupby(c.MASK)[c.RANK].mean()
    assert found["unseen"][c.MASKED] < 1.2
    assert found["unseen"][c.UNMASKED] > found["all"][c.UNMASKED]


def test_a_model_that_does_not_say_it_follows_its_validation(files):
    runs = {
        (mask, candidates): train_of("ss4rec", files, valid_mask=mask, candidates=candidates)[1]
        for mask in c.MASKS
        for candidates in (None, "all", "unseen")
    }
    for mask, meant in ((c.MASKED, "unseen"), (c.UNMASKED, "all")):
        losses = {x: runs[mask, x]["loss"] for x in (None, "all", "unseen")}
        pd.testing.assert_series_equal(losses[None], losses[meant])
        other = {"all": "unseen", "unseen": "all"}[meant]
        assert (losses[other] != losses[meant]).all()


def test_padding_is_never_seen(files):
    """Id 0 stays in the softmax as it does with all candidates, in every layout."""
    loaders = loaders_of("ss4rec", files, short("ss4rec"), candidates="unseen")
    (_, batch), *_ = steps_of(loaders.train)
    seen = loaders.parts.recommender._seen(batch)
    table = seen.table(N_ITEMS + 1)
    assert (table.first[:-1, 0] > SHORT).all()
