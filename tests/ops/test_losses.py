"""Losses over many items: in chunks, and over sampled ones."""

import math

import pytest
import torch
import torch.nn.functional as F

from seqrec.ops.cross_entropy import naive
from seqrec.ops.cross_entropy import torch as chunked
from seqrec.ops.sampled_softmax import sampled_cross_entropy


def example(rows=13, n_items=40, width=6):
    torch.manual_seed(0)
    hidden = torch.randn(rows, width, dtype=torch.float64, requires_grad=True)
    items = torch.randn(n_items, width, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(1, n_items, (rows,))
    targets[::4] = 0
    return hidden, items, targets


def with_gradients(loss, *leaves):
    return [loss.detach(), *torch.autograd.grad(loss, leaves)]


@pytest.mark.parametrize("chunk", [1, 40, 130, 10**6])
def test_chunks_of_any_size_give_the_reference(chunk):
    hidden, items, targets = example()
    ours = 3 * chunked.cross_entropy(hidden, items, targets, chunk=chunk)
    reference = 3 * naive.cross_entropy(hidden, items, targets)
    for x, expected in zip(
        with_gradients(ours, hidden, items), with_gradients(reference, hidden, items), strict=True
    ):
        torch.testing.assert_close(x, expected)


def test_no_more_logits_are_held_than_a_chunk():
    hidden, items, targets = example(rows=50)
    seen = []

    def spy(logits, *rest):
        seen.append(logits.shape[0])
        return chunked._softmax_in_place(logits, *rest)

    chunked.cross_entropy(hidden, items, targets, None, spy, chunk=7 * 40)
    assert max(seen) == 7
    assert sum(seen) == 50


@pytest.mark.parametrize("loss", [naive.cross_entropy, chunked.cross_entropy])
def test_positions_without_a_target_count_for_nothing(loss):
    hidden, items, targets = example()
    learned = targets > 0
    torch.testing.assert_close(
        loss(hidden, items, targets), loss(hidden[learned], items, targets[learned])
    )
    nothing = loss(hidden, items, torch.zeros_like(targets))
    assert nothing == 0
    assert all((g == 0).all() for g in torch.autograd.grad(nothing, (hidden, items)))


def test_with_every_item_drawn_once_the_sampled_loss_is_the_full_one():
    hidden, items, targets = example()
    every, even = torch.arange(1, 40), torch.full((40,), -math.log(39), dtype=torch.float64)
    ours = sampled_cross_entropy(hidden, items, targets, every, even)
    learned = targets > 0
    full = F.cross_entropy(hidden[learned] @ items[1:].T, targets[learned] - 1)
    for x, expected in zip(
        with_gradients(ours, hidden, items), with_gradients(full, hidden, items), strict=True
    ):
        torch.testing.assert_close(x, expected)


def test_with_many_uneven_draws_the_sampled_loss_tends_to_the_full_one():
    hidden, items, targets = example(rows=6, n_items=12)
    q = torch.arange(12.0, dtype=torch.float64) ** 2
    q /= q.sum()
    log_q = torch.where(q > 0, q.log(), 0.0)
    learned = targets > 0
    full = F.cross_entropy(hidden[learned] @ items[1:].T, targets[learned] - 1)
    expected = with_gradients(full, hidden, items)
    drawn = torch.multinomial(q, 400_000, replacement=True)
    ours = sampled_cross_entropy(hidden, items, targets, drawn, log_q)
    for x, full in zip(with_gradients(ours, hidden, items), expected, strict=True):
        assert (x - full).norm() < 0.03 * full.norm()
    wrong = sampled_cross_entropy(hidden, items, targets, drawn, torch.full_like(log_q, -2.5))
    uncorrected = with_gradients(wrong, hidden, items)
    assert (uncorrected[2] - expected[2]).norm() > 0.1 * expected[2].norm()
