import numpy as np
import pytest
import torch

from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import full_sort_scores, target_ranks
from seqrec.tables import columns as c
from tests.recbole_bridge.helpers import loaders_of, only

INF = float("inf")


def test_ranks_count_better_items():
    scores = torch.tensor([[-INF, 3.0, 1.0, 2.0], [-INF, 0.0, 5.0, -INF]])
    ranks, candidates = target_ranks(scores, torch.tensor([3, 1]))
    assert ranks.tolist() == [2.0, 2.0]
    assert candidates.tolist() == [3, 2]


def test_ties_share_the_mean_rank_and_a_constant_scorer_gets_the_middle():
    scores = torch.cat([torch.full((2, 1), -INF), torch.zeros(2, 101)], dim=1)
    ranks, _ = target_ranks(scores, torch.tensor([1, 101]))
    assert ranks.tolist() == [51.0, 51.0]


@pytest.mark.parametrize("bad", [float("nan"), INF])
def test_a_score_that_is_no_number_stops_the_run(bad):
    class Broken(torch.nn.Module):
        def full_sort_predict(self, _):
            return torch.tensor([[0.0, 1.0, bad]])

    with pytest.raises(FloatingPointError, match="Broken"):
        full_sort_scores(Broken(), None, 3)


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("name", ["ss4rec", "ncf"])
def test_the_mask_hides_the_whole_earlier_history_and_nothing_else(
    files, interactions, name, split
):
    loaders = loaders_of(name, files)
    dataset, batch = loaders.dataset, only(getattr(loaders, split))
    mask = HistoryMask(dataset.histories, split, dataset.user_num)
    users, targets = batch[c.USER], batch[c.ITEM]
    hidden = mask.apply(torch.zeros(len(users), dataset.item_num), users, targets) == -INF
    earlier = {"valid": [c.TRAIN], "test": [c.TRAIN, c.VALID]}[split]
    for row, user in enumerate(dataset.id2token(c.USER, users)):
        own = interactions[interactions[c.USER] == user]
        expected = set(own[own[c.SPLIT].isin(earlier)][c.ITEM])
        ids = np.flatnonzero(hidden[row].numpy())
        assert set(dataset.id2token(c.ITEM, ids)) == expected


def test_the_mask_spares_a_held_out_item_seen_before(files):
    dataset = loaders_of("ss4rec", files).dataset
    mask = HistoryMask(dataset.histories, c.TEST, dataset.user_num)
    users, seen = (
        torch.from_numpy(x[:1]).long() for x in (dataset.histories.users, dataset.histories.items)
    )
    scores = mask.apply(torch.zeros(1, dataset.item_num), users, seen)
    assert scores[0, seen[0]] == 0
