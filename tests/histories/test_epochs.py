import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqrec.histories.epochs import plan_epoch
from seqrec.training.processes import Processes

users = st.lists(st.integers(1, 60), min_size=1, max_size=150).map(np.array)


def plan(users, processes=1, index=0, accumulate=1, batch_size=16, seed=3):
    targets = users % 7 + 1
    generator = np.random.default_rng(seed)
    return plan_epoch(
        users, targets, batch_size, generator, Processes(index, processes), accumulate
    )


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
def test_processes_share_the_same_steps_by_user(users, processes, accumulate):
    whole = plan(users)
    shares = [plan(users, processes, index, accumulate) for index in range(processes)]
    for index, step in enumerate(whole.parts):
        theirs = [rows_of(share.parts[index]) for share in shares]
        assert sorted(row for rows in theirs for row in rows) == rows_of(step)
        for process, rows in enumerate(theirs):
            assert all(users[row] % processes == process for row in rows)
        weights = [part.share for share in shares for part in share.parts[index]]
        assert abs(sum(weights) - 1) < 1e-9


def test_every_process_has_work_in_every_step():
    epoch = plan(np.arange(1, 801), processes=4, index=1, batch_size=64)
    sizes = [len(rows_of(step)) for step in epoch.parts[:-1]]
    assert min(sizes) >= 12
    assert max(sizes) <= 20
