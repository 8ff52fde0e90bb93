import numpy as np
import pytest
import torch
from recbole.data.dataset import SequentialDataset

from seqrec import columns as c
from seqrec.recbole_bridge.datasets import DELTA_LIST, TARGET_LIST
from tests.conftest import cyclic_ratings, process, ss4rec_model
from tests.recbole_bridge.helpers import config_of, loaders_of


def held_out(loaders, split):
    """Raw user → raw item of the rows a loader asks a model to rank."""
    dataset = getattr(loaders, split)._dataset
    users = dataset.id2token(c.USER, dataset.inter_feat[c.USER])
    items = dataset.id2token(c.ITEM, dataset.inter_feat[c.ITEM])
    return dict(zip(users, items, strict=True))


@pytest.mark.parametrize("split", ["valid", "test"])
def test_both_models_hold_out_the_items_marked_in_the_data(files, interactions, split):
    marked = interactions[interactions[c.SPLIT] == split]
    expected = dict(zip(marked[c.USER], marked[c.ITEM], strict=True))
    assert held_out(loaders_of("ss4rec", files), split) == expected
    assert held_out(loaders_of("ncf", files), split) == expected


def test_prefix_rows_are_those_of_recboles_own_augmentation(files):
    """Field by field: items, length and target of every training prefix."""
    config = config_of("ss4rec", files, training_mode="prefix", batch_size=4)
    ours = loaders_of("ss4rec", files, training_mode="prefix")
    theirs = SequentialDataset(config).build()[0].inter_feat
    batch = ours.train._dataset[np.arange(len(ours.train._dataset))]
    width = batch["item_id_list"].shape[1]
    assert len(batch) == len(theirs)
    for field in (c.USER, c.ITEM, "item_length"):
        assert torch.equal(batch[field], theirs[field]), field
    assert torch.equal(batch["item_id_list"], theirs["item_id_list"][:, :width])
    assert (theirs["item_id_list"][:, width:] == 0).all()


def test_intervals_are_seconds_until_the_next_event(files, interactions):
    dataset = loaders_of("ss4rec", files).test._dataset
    batch = dataset[np.arange(len(dataset))]
    for row, user in enumerate(dataset.id2token(c.USER, batch[c.USER])):
        deltas = interactions[interactions[c.USER] == user][c.DELTA].to_numpy()
        length = int(batch["item_length"][row])
        assert batch[DELTA_LIST][row, :length].tolist() == deltas[1 : length + 1].tolist()


def test_an_unknown_query_time_hides_when_the_held_out_item_happens(files, interactions):
    dataset = loaders_of("ss4rec", files).test._dataset
    known, hidden = (
        dataset.with_query_time(when)[np.arange(len(dataset))] for when in c.QUERY_TIMES
    )
    last = (known["item_length"] - 1)[:, None]
    medians = [
        np.median(rows[c.DELTA].to_numpy()[1:-1])
        for user in dataset.id2token(c.USER, known[c.USER])
        for rows in [interactions[interactions[c.USER] == user]]
    ]
    assert hidden[DELTA_LIST].gather(1, last)[:, 0].tolist() == medians
    before = known[DELTA_LIST].scatter(1, last, 0.0)
    assert torch.equal(hidden[DELTA_LIST].scatter(1, last, 0.0), before)


def test_long_gaps_stay_exact(make_files):
    """RecBole's float32 clock rounds Unix seconds to 64; differences taken in int64 do not."""
    ratings = cyclic_ratings()
    ratings[c.TIMESTAMP] = 880_000_000 + np.arange(len(ratings)) * 13
    interactions = process(ratings)
    dataset = loaders_of("ss4rec", make_files(interactions)).test._dataset
    intervals = dataset[np.arange(len(dataset))][DELTA_LIST]
    assert set(intervals.unique().tolist()) == {0.0, 13.0}


def test_windows_pad_to_the_longest_row_only(files):
    model = ss4rec_model(max_length=200)
    dataset = loaders_of("ss4rec", files, model).train._dataset
    batch = dataset[np.arange(3)]
    assert batch["item_id_list"].shape[1] == int(batch["item_length"].max())
    assert (batch[TARGET_LIST] > 0).sum() == batch["item_length"].sum()


def test_negatives_are_never_the_users_own_training_items(files):
    for name, field in (("ss4rec", "negative_list"), ("ncf", "neg_item_id")):
        loaders = loaders_of(name, files, loss_type="BPR", negatives=2)
        own = loaders.train._sampler.used_ids
        batch = next(iter(loaders.train))
        drawn = batch[field]
        users = batch[c.USER].view(-1, *[1] * (drawn.ndim - 1)).expand_as(drawn)
        pairs = zip(users.flatten().tolist(), drawn.flatten().tolist(), strict=True)
        drawn_pairs = [(user, item) for user, item in pairs if item]
        assert drawn_pairs
        assert not any(item in own[user] for user, item in drawn_pairs)
