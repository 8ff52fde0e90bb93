import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqrec.histories.arrays import CODE, Histories
from seqrec.tables import columns as c

HELD_OUT = [CODE[c.VALID], CODE[c.TEST]]


def make(sizes):
    """Histories of users with `sizes` training interactions, items numbered through."""
    splits = [s for size in sizes for s in [0] * size + HELD_OUT]
    users = np.repeat(np.arange(1, len(sizes) + 1), np.array(sizes) + 2)
    positions = np.concatenate([np.arange(size + 2) for size in sizes])
    items = np.arange(1, len(users) + 1)
    deltas = np.where(positions == 0, 0, items * 10)
    columns = (x.astype(np.int32) for x in (users, items, positions, deltas))
    return Histories.from_columns(*columns, np.array(splits, np.int8))


histories = st.lists(st.integers(1, 40), min_size=1, max_size=5).map(make)


def learned_targets(rows):
    """Flat index of every target that is learned, with its inputs in the row."""
    return [
        (start + step + 1, step + 1)
        for start, length, first in zip(rows.start, rows.length, rows.first_target, strict=True)
        for step in range(first, length)
    ]


@given(histories, st.integers(2, 50), st.integers(0, 24))
def test_windows_learn_each_target_once_with_half_a_window_of_context(flat, window, shift):
    rows = flat.windows(window, shift % (window // 2))
    learned = learned_targets(rows)
    is_target = (flat.splits == CODE[c.TRAIN]) & ~np.isin(np.arange(len(flat.items)), flat.offsets)
    assert sorted(index for index, _ in learned) == np.flatnonzero(is_target).tolist()
    assert (rows.length <= window).all()
    for index, context in learned:
        available = index - flat.offsets[flat.offsets <= index].max()
        assert context >= min(available, window // 2)


@given(histories, st.integers(1, 50))
def test_rows_never_cross_users(flat, length):
    for rows in (flat.windows(length), flat.prefixes(length), flat.held_out(c.TEST, length)):
        np.testing.assert_array_equal(flat.users[rows.start], flat.users[rows.start + rows.length])


@given(histories, st.integers(1, 50))
def test_prefixes_learn_the_same_targets(flat, length):
    rows = flat.prefixes(length)
    targets = {index for index, _ in learned_targets(rows)}
    assert targets == {index for index, _ in learned_targets(flat.windows(length))}


def test_held_out_rows_end_before_their_target():
    flat = make([3, 1])
    valid, test = flat.held_out(c.VALID, 10), flat.held_out(c.TEST, 10)
    assert flat.items[valid.start + valid.length].tolist() == [4, 7]
    assert flat.items[test.start + test.length].tolist() == [5, 8]
    assert test.length.tolist() == [4, 2]


def test_median_gap_looks_only_at_the_past():
    flat = make([3])
    # deltas 0, 20, 30, 40 (valid), 50 (test); the first interaction has no gap
    assert flat.median_gaps(c.VALID).tolist() == [25.0]
    assert flat.median_gaps(c.TEST).tolist() == [30.0]
