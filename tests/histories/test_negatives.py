import numpy as np
import torch

from seqrec.histories.negatives import PopularItems, UnseenItems
from tests.histories.test_histories import make


def with_items(sizes, items):
    """Histories of `sizes` training interactions with the given training items."""
    flat = make(sizes)
    flat.items[flat.splits == 0] = items
    return flat


def test_every_unseen_item_is_drawn_equally_often_and_no_seen_one():
    flat = with_items([3, 4], [2, 5, 6, 1, 2, 3, 7])
    draw = UnseenItems(flat, n_users=3, n_items=9, device="cpu").draw
    torch.manual_seed(0)
    users = torch.tensor([1, 2]).repeat_interleave(6000)
    drawn = draw(users, 5)
    assert drawn.shape == (12000, 5)
    for user, unseen in ((1, [1, 3, 4, 7, 8]), (2, [4, 5, 6, 8])):
        counts = np.bincount(drawn[users == user].flatten(), minlength=9)
        assert np.flatnonzero(counts).tolist() == unseen
        expected = counts.sum() / len(unseen)
        assert np.abs(counts[unseen] / expected - 1).max() < 0.06  # 4.5 standard errors


def test_padding_draws_from_all_items():
    flat = with_items([3], [1, 2, 3])
    drawn = UnseenItems(flat, 2, 6, "cpu").draw(torch.zeros(200, dtype=torch.long), 2)
    assert set(drawn.unique().tolist()) == {1, 2, 3, 4, 5}


def test_an_item_seen_twice_counts_once():
    flat = with_items([4], [2, 2, 2, 4])
    drawn = UnseenItems(flat, 2, 6, "cpu").draw(torch.ones(300, dtype=torch.long), 1)
    assert set(drawn.unique().tolist()) == {1, 3, 5}


def test_a_user_who_has_seen_everything_is_exhausted():
    flat = with_items([4, 3], [1, 2, 3, 4, 1, 2, 3])
    assert UnseenItems(flat, 3, 5, "cpu").exhausted.tolist() == [False, True, False]


def test_popular_items_are_drawn_as_often_as_log_q_says():
    flat = with_items([6], [1, 1, 1, 1, 1, 3])
    popular = PopularItems(flat, n_items=5, power=1.0, device="cpu")
    torch.manual_seed(0)
    share = np.bincount(popular.draw(60000), minlength=5) / 60000
    np.testing.assert_allclose(share[1:], popular.log_q.exp()[1:], atol=0.01)
    assert share[0] == 0
    np.testing.assert_allclose(popular.log_q.exp()[1:], np.array([6, 1, 2, 1]) / 10, rtol=1e-5)
