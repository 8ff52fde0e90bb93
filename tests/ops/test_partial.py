"""Parts of a softmax, put together: the loss of one device, and its gradients."""

import pytest
import torch

from seqrec.ops.cross_entropy import NO_TARGET, naive
from seqrec.ops.cross_entropy.partial import ELSEWHERE, partial_softmax
from seqrec.ops.seen import SeenTable
from tests.ops.test_seen import Windows

N_ITEMS = 12
CHUNK = 3 * N_ITEMS
"""Logits at a time: a few positions."""


def in_parts(count, hidden, items, targets, seen):
    """Compute the loss as several devices do, each with a block of the items."""
    totals, wanted = [], 0.0
    block = -(-N_ITEMS // count)
    for first in range(0, N_ITEMS, block):
        own = slice(first, min(first + block, N_ITEMS))
        here = (targets >= own.start) & (targets < own.stop)
        rows = torch.where(here, targets - own.start, ELSEWHERE)
        part = None if seen is None else _columns(seen.table(N_ITEMS), own)
        total, logit = partial_softmax(hidden, items[own], rows, part, CHUNK)
        totals.append(total)
        wanted = wanted + logit
    learned = targets != NO_TARGET
    losses = torch.stack(totals).logsumexp(0) - wanted
    return losses[learned].sum() / learned.sum()


def _columns(table, own):
    return SeenTable(table.rows, table.steps, table.first[:, own])


@pytest.mark.parametrize("unseen", [False, True], ids=["all items", "unseen items"])
@pytest.mark.parametrize("count", [1, 2, 5, N_ITEMS])
def test_parts_make_the_loss_and_the_gradients_of_the_whole(count, unseen):
    """With a part for each item, many parts have nothing left that is unseen."""
    targets, seen = Windows([9, 1, 14, 5], N_ITEMS).packed("cpu", spare=3)
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(len(targets), 16, generator=draw, dtype=torch.float64)
    items = torch.randn(N_ITEMS, 16, generator=draw, dtype=torch.float64)
    found = []
    for loss in (naive.cross_entropy, lambda *inputs: in_parts(count, *inputs)):
        inputs = [x.clone().requires_grad_() for x in (hidden, items)]
        value = loss(*inputs, targets, seen if unseen else None)
        found.append([value.detach(), *torch.autograd.grad(value, inputs)])
    assert found[0][0] > 0.5
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=1e-12)
