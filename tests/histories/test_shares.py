"""Users to rank are shared out over processes."""

import itertools
from dataclasses import replace

import pytest

from seqrec.errors import ProjectError
from seqrec.histories.held_out import HeldOutLoader
from seqrec.tables import columns as c
from seqrec.training.processes import Processes
from tests.recbole_bridge.helpers import loaders_of


@pytest.fixture
def loader(files):
    return loaders_of("ss4rec", files).test


def users_of(loader, index, count, size):
    runtime = loader.feed.experiment.runtime.model_copy(update={"eval_batch_size": size})
    experiment = replace(loader.feed.experiment, runtime=runtime)
    feed = replace(loader.feed, processes=Processes(index, count), experiment=experiment)
    batches = HeldOutLoader(feed, c.TEST, c.KNOWN)
    return [batch[c.USER].tolist() for batch in batches]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 24])
@pytest.mark.parametrize("size", [1, 4, 7, 1000])
def test_each_user_is_ranked_once_and_in_the_order_of_one_process(loader, count, size):
    shares = [users_of(loader, index, count, size) for index in range(count)]
    alone = users_of(loader, 0, 1, size)
    everyones = itertools.chain.from_iterable(shares)
    assert list(itertools.chain(*everyones)) == list(itertools.chain(*alone))
    assert len({len(share) for share in shares}) == 1, "processes meet after each batch"
    assert all(batch for share in shares for batch in share)
    assert max(len(batch) for share in shares for batch in share) <= size + 1


def test_more_processes_than_users_are_refused(loader):
    with pytest.raises(ProjectError, match="25 processes cannot share 24 users: start fewer"):
        users_of(loader, 0, 25, 4)
