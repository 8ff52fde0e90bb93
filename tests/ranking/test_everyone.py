"""Lists for everyone are those that few users get, whatever the tiles and parts."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.model_registry import MODELS
from seqrec.parameters import Recommend
from seqrec.ranking.everyone import best_items
from seqrec.recbole_bridge import api
from seqrec.tables import columns as c
from tests.conftest import CPU, N_ITEMS
from tests.recbole_bridge.helpers import train_of

OPTIONS = Recommend(k=3, moments={"now": 0.01, "in a month": 720})


@pytest.fixture(scope="module")
def scores():
    return torch.rand(7, 101, generator=torch.Generator().manual_seed(5))


def best(scores, k, seen=None, tile=2**15):
    return best_items(lambda items: scores[:, items], len(scores), scores.shape[1], k, seen, tile)


@pytest.mark.parametrize("tile", [1, 3, 10, 100, 1000])
@pytest.mark.parametrize("k", [1, 10, 100, 500])
def test_tiles_do_not_matter(scores, k, tile):
    items, values = best(scores, k, tile=tile)
    right = scores[:, 1:].topk(min(k, 100))
    assert torch.equal(values, right.values)
    assert torch.equal(items.long(), right.indices + 1)


@pytest.mark.parametrize("tile", [1, 7, 1000])
def test_what_was_seen_is_left_out(scores, tile):
    seen = torch.tensor([0, 0, 0, 3, 6]), torch.tensor([1, 50, 100, 100, 7])
    hidden = scores.clone()
    hidden[seen] = -torch.inf
    items, values = best(scores, 10, seen, tile)
    assert torch.equal(values, hidden[:, 1:].topk(10).values)
    assert not {(0, 1), (0, 50), (0, 100), (3, 100), (6, 7)} & {
        (row, int(item)) for row in range(7) for item in items[row]
    }


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("parts", [1, 10**6])
@pytest.mark.parametrize("seen", [True, False])
def test_everyone_gets_the_list_that_each_would(files, monkeypatch, name, parts, seen):
    monkeypatch.setattr(api, "ROWS", parts)
    runtime = CPU.model_copy(update={"eval_batch_size": 5})
    options = OPTIONS.model_copy(update={"exclude_seen": seen, "k": N_ITEMS - 5})
    artifact, _ = train_of(name, files)
    made = api.list_for_everyone(artifact, files, runtime, options)
    tables = [table.to_pandas() for table in made]
    assert len(tables) == (2 * 5 if parts == 1 else 2)
    few = api.recommend(artifact, files, runtime, options)
    key = [c.MOMENT, c.USER, c.PLACE]
    ours = pd.concat(tables).sort_values(key, ignore_index=True)
    theirs = few.sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs, check_dtype=False)
    assert made.facts["lists"]["users"] == 24


def test_a_model_that_gives_no_numbers_is_named_before_a_list_is(files):
    artifact, _ = train_of("ss4rec", files)
    artifact.weights["encoder.item_embedding.weight"][3] = np.nan
    with pytest.raises(ProjectError, match="scores that are NaN or infinite"):
        list(api.list_for_everyone(artifact, files, CPU, OPTIONS))
