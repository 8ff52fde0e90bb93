import numpy as np
import pytest
import torch
from recbole.data.dataset import SequentialDataset

from seqrec.histories import batches as b
from seqrec.histories.batches import HistoryCutter, row_fields
from seqrec.tables import columns as c
from tests.conftest import CPU, cyclic_ratings, process, ss4rec_model
from tests.recbole_bridge.helpers import config_of, loaders_of, only, whole


def held_out(loaders, split):
    """Raw user → raw item of the rows a loader asks a model to rank."""
    loader = getattr(loaders, split)
    batch = only(loader)
    users, items = (loaders.dataset.id2token(field, batch[field]) for field in (c.USER, c.ITEM))
    return dict(zip(users, items, strict=True))


def user_rows(interactions, loaders, batch):
    """The interactions of each row's user."""
    for user in loaders.dataset.id2token(c.USER, batch[c.USER]):
        yield interactions[interactions[c.USER] == user]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_both_models_hold_out_the_items_marked_in_the_data(files, interactions, split):
    marked = interactions[interactions[c.SPLIT] == split]
    expected = dict(zip(marked[c.USER], marked[c.ITEM], strict=True))
    assert held_out(loaders_of("ss4rec", files), split) == expected
    assert held_out(loaders_of("ncf", files), split) == expected


def test_ids_are_those_that_recbole_gives(files):
    theirs = SequentialDataset(config_of("ss4rec", files))
    ours = loaders_of("ss4rec", files).dataset
    for field in (c.USER, c.ITEM):
        assert ours.field2id_token[field].tolist() == theirs.field2id_token[field].tolist()
        assert ours.token2id(field, ours.field2id_token[field][3]) == 3


def test_prefixes_are_those_of_recboles_own_augmentation(files):
    """Row by row, in whatever order: user, items and target of every training prefix."""
    config = config_of("ss4rec", files, training_mode="prefix")
    theirs = SequentialDataset(config).build()[0].inter_feat
    ours = whole(loaders_of("ss4rec", files, training_mode="prefix").train)
    targets = ours[b.TARGET_LIST].gather(1, ours[b.LENGTH][:, None] - 1)[:, 0]

    def rows(users, lists, targets):
        lists = [[item for item in row if item] for row in lists.tolist()]
        return sorted(zip(users.tolist(), lists, targets.tolist(), strict=True))

    expected = rows(theirs[c.USER], theirs["item_id_list"], theirs[c.ITEM])
    assert rows(ours[c.USER], ours[b.ITEM_LIST], targets) == expected


def test_intervals_are_seconds_until_the_next_event(files, interactions):
    loaders = loaders_of("ss4rec", files)
    batch = only(loaders.test)
    for row, own in enumerate(user_rows(interactions, loaders, batch)):
        length = int(batch[b.LENGTH][row])
        expected = own[c.DELTA].tolist()[1 : length + 1]
        assert batch[b.DELTA_LIST][row, :length].tolist() == expected


def test_an_unknown_query_time_hides_when_the_held_out_item_happens(files, interactions):
    loaders = loaders_of("ss4rec", files)
    known, hidden = (only(loaders.test.at(when)) for when in c.QUERY_TIMES)
    last = (known[b.LENGTH] - 1)[:, None]
    medians = [
        np.median(own[c.DELTA].to_numpy()[1:-1]) for own in user_rows(interactions, loaders, known)
    ]
    assert hidden[b.DELTA_LIST].gather(1, last)[:, 0].tolist() == medians
    before = known[b.DELTA_LIST].scatter(1, last, 0.0)
    assert torch.equal(hidden[b.DELTA_LIST].scatter(1, last, 0.0), before)


def test_long_gaps_stay_exact(make_files):
    """RecBole's float32 clock rounds Unix seconds to 64; differences taken in int64 do not."""
    ratings = cyclic_ratings()
    ratings[c.TIMESTAMP] = 880_000_000 + np.arange(len(ratings)) * 13
    loaders = loaders_of("ss4rec", make_files(process(ratings)))
    intervals = only(loaders.test)[b.DELTA_LIST]
    assert set(intervals.unique().tolist()) == {0.0, 13.0}


def test_windows_pad_to_the_longest_row_only(files):
    batch = whole(loaders_of("ss4rec", files, ss4rec_model(max_length=200)).train)
    assert batch[b.ITEM_LIST].shape[1] == int(batch[b.LENGTH].max())
    assert (batch[b.TARGET_LIST] > 0).sum() == batch[b.LENGTH].sum()


def test_windows_have_other_borders_each_epoch_and_the_same_targets(files):
    loader = loaders_of("ss4rec", files, ss4rec_model(max_length=4)).train
    seen = []
    for epoch in range(6):
        loader.start(epoch)
        cuts = [loader.expand(part) for step in loader.parts(0) for part in step]
        learned = [t for cut in cuts for t in cut[b.TARGET_LIST].flatten().tolist() if t]
        starts = sorted(tuple(row) for cut in cuts for row in cut[b.ITEM_LIST].tolist())
        seen.append((sorted(learned), starts))
    assert len({tuple(learned) for learned, _ in seen}) == 1
    assert len({tuple(starts) for _, starts in seen}) > 1


@pytest.mark.parametrize("capacity", [None, 200])
def test_a_packed_batch_holds_what_a_dense_one_does(files, capacity):
    dataset = loaders_of("ss4rec", files).dataset
    cutter = HistoryCutter(dataset.histories, "cpu")
    rows = dataset.histories.windows(5)
    dense = cutter.dense(row_fields(rows), 5)
    packed = cutter.packed(row_fields(rows, capacity), int(rows.length.sum()) + 17, 5)
    inside = torch.arange(5) < torch.from_numpy(rows.length)[:, None]
    for field in (b.ITEM_LIST, b.DELTA_LIST, b.TARGET_LIST):
        flat = dense[field][inside]
        assert torch.equal(packed[field][: len(flat)], flat), field
        assert (packed[field][len(flat) :] == 0).all(), field
    offsets = packed[b.CU_SEQLENS]
    assert (offsets.diff() >= 0).all()
    assert (offsets.diff() <= 5).all()
    assert offsets[-1] == len(packed[b.ITEM_LIST])
    assert offsets[: len(rows) + 1].diff().tolist() == rows.length.tolist()


def test_batches_cut_on_the_host_by_workers_are_the_same(files):
    here = loaders_of("ss4rec", files).train
    two = CPU.model_copy(update={"workers": 2})
    there = loaders_of("ss4rec", files, runtime=two).train
    there._on_host = True
    for epoch in range(2):
        here.start(epoch)
        there.start(epoch)
        pairs = zip(here.parts(1), there.parts(1), strict=True)
        for own, cut in ((x[0], y[0]) for x, y in pairs):
            for field in (b.ITEM_LIST, b.DELTA_LIST, b.TARGET_LIST):
                assert torch.equal(here.expand(own)[field], there.expand(cut)[field])


@pytest.mark.parametrize(("name", "field"), [("ss4rec", b.NEGATIVE_LIST), ("ncf", "neg_item_id")])
def test_negatives_are_never_the_users_own_training_items(files, interactions, name, field):
    loaders = loaders_of(name, files, loss_type="BPR", negatives=3)
    batch, dataset = whole(loaders.train), loaders.dataset
    drawn = batch[field]
    users = batch[c.USER].view(-1, *[1] * (drawn.ndim - 1)).expand_as(drawn)
    train = interactions[interactions[c.SPLIT] == c.TRAIN]
    own = set(zip(train[c.USER], train[c.ITEM], strict=True))
    tokens = (
        dataset.id2token(f, x.flatten().numpy()) for f, x in ((c.USER, users), (c.ITEM, drawn))
    )
    assert drawn.numel() > 100
    assert not own & set(zip(*tokens, strict=True))
