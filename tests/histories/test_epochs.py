import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqrec.histories.epochs import plan_epoch
from seqrec.training.processes import Processes

users = st.lists(st.integers(1, 60), min_size=1, max_size=150).map(np.array)


def plan(users, processes=1, index=0, accumulate=1, batch_size=16, seed=3, sizes=None):
    targets = users % 7 + 1
    generator = np.random.default_rng(seed)
    sizes = targets + 3 if sizes is None else sizes
    shared = Processes(index, processes)
    return plan_epoch(users, targets, sizes, batch_size, generator, shared, accumulate)


def rows_of(step):
    return sorted(row for part in step for row in part.rows.tolist())


@given(users)
def test_every_row_is_visited_once_in_an_order_that_the_generator_decides(users):
    epoch, other = plan(users), plan(users, seed=4)
    visited = [row for step in epoch.parts for row in rows_of(step)]
    assert sorted(visited) == list(range(len(users)))
    assert epoch.targets.sum() == (users % 7 + 1).sum()
    assert [rows_of(s) for s in plan(users).parts] == [rows_of(s) for s in epoch.parts]
    assert len(users) < 40 or [rows_of(s) for s in other.parts] != [
        rows_of(s) for s in epoch.parts
    ]


@given(users, st.integers(1, 5), st.integers(1, 3))
def test_processes_share_the_steps_of_one(users, processes, accumulate):
    whole = plan(users)
    shares = [plan(users, processes, index, accumulate) for index in range(processes)]
    for index, step in enumerate(whole.parts):
        theirs = [rows_of(share.parts[index]) for share in shares]
        assert sorted(row for rows in theirs for row in rows) == rows_of(step)
        assert max(map(len, theirs)) - min(map(len, theirs)) <= 1
        parts = [part for share in shares for part in share.parts[index]]
        targets = [(users[part.rows] % 7 + 1).sum() for part in parts]
        np.testing.assert_allclose([part.share for part in parts], targets / whole.targets[index])
        assert sum(targets) == whole.targets[index]


@given(users, st.integers(1, 5))
def test_every_process_knows_the_parts_of_all(users, processes):
    """Room for the largest of them is the same everywhere: exchanges rely on it."""
    shares = [plan(users, processes, index, 2) for index in range(processes)]
    known = [[rows.tolist() for rows in share.everyones] for share in shares]
    assert all(parts == known[0] for parts in known)
    own = [part.rows.tolist() for share in shares for step in share.parts for part in step]
    assert sorted(own) == sorted(known[0])


def test_processes_have_as_much_to_compute_as_each_other_in_every_step():
    """Also in the last steps, whose rows are of one group of users."""
    generator = np.random.default_rng(5)
    users = np.concatenate([np.arange(1, 801), np.full(700, 8)])
    sizes = generator.integers(1, 201, len(users))
    shares = [plan(users, 4, index, batch_size=64, sizes=sizes) for index in range(4)]
    for step in zip(*(share.parts for share in shares), strict=True):
        inputs = [sizes[part.rows].sum() for (part,) in step]
        assert max(inputs) - min(inputs) <= 200
