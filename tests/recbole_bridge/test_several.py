"""Several processes compute what one does: losses, gradients, weights and ranks."""

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError
from tests.conftest import CPU
from tests.recbole_bridge import several
from tests.recbole_bridge.helpers import train_of

pytestmark = pytest.mark.slow

SAMPLED = ["sampled", "sharded sampled"]
ALIKE = [name for name in several.CASES if name not in [*SAMPLED, "linear"]]


def same(one, other, weights=1e-4):
    metrics = ["loss", "NDCG@10", "gradient_norm", "parameter_norm", "learning_rate"]
    pd.testing.assert_frame_equal(one[1][metrics], other[1][metrics], rtol=2e-3, atol=1e-6)
    for name, x in one[0].weights.items():
        torch.testing.assert_close(x, other[0].weights[name], rtol=0, atol=weights, msg=name)
    pd.testing.assert_frame_equal(one[2], other[2])


@pytest.mark.parametrize("count", [2, 3])
def test_whatever_is_trained_is_what_one_process_trains(files, tmp_path, count):
    """Fused loss, unseen candidates, average, clipping, ties, accumulation, items shared out."""
    out = tmp_path / "results"
    found = several.results(several.start(count, files, out, *several.CASES), out)
    for case in ALIKE:
        same(several.run(case, files), found[case])
    whole, sharded = (found[case] for case in SAMPLED)
    same(whole, sharded)
    assert whole[1]["loss"].iloc[-1] < 0.6 * whole[1]["loss"].iloc[0]


def test_a_batch_for_each_process_is_a_larger_batch(files, tmp_path):
    out = tmp_path / "results"
    found = several.results(several.start(2, files, out, "linear"), out)["linear"]
    by_hand = several.run("linear", files, batch_size=8, learning_rate=0.02, scale_batch="none")
    same(by_hand, found)
    assert found[0].config["processes"] == 2
    assert found[0].config["training"]["batch_size"] == 4


@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2), (3, 2)])
@pytest.mark.parametrize("case", ["ties", "sharded"])
def test_another_number_of_processes_resumes(files, tmp_path, case, first, then):
    """A checkpoint has all rows: of the shared-out items too."""
    out = tmp_path / "results"
    store = tmp_path / "checkpoints"
    for count, epochs in ((first, 2), (then, 3)):
        started = several.start(count, files, out, case, store=store, epochs=epochs)
        found = several.results(started, out)[case]
    same(several.run(case, files), found)


def test_only_models_of_histories_share_items_out(files):
    runtime = CPU.model_copy(update={"shard_items": True})
    with pytest.raises(ProjectError, match=r"shares out the item embedding.*ncf reads none"):
        train_of("ncf", files, runtime=runtime)
    alone = train_of("ss4rec", files, runtime=runtime)
    assert np.isfinite(alone[1]["loss"]).all()
