"""Training on a GPU: graphs, packing and where the data lies change nothing but the speed."""

import os
import signal

import pytest
import torch

from seqrec.errors import RunInterruptedError
from seqrec.histories import loaders
from seqrec.parameters import Runtime
from seqrec.recbole_bridge.api import rank, train
from seqrec.training.checkpoints import CheckpointStore
from tests.conftest import CPU, MODEL_OF
from tests.recbole_bridge.helpers import experiment_of, train_of
from tests.training.test_resume import interrupt_at

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


SHORT = {"max_length": 4}
"""Windows shorter than the histories."""


def trained(
    name, files, store=None, resume=False, runtime=None, dropout=0.0, sizes=None, **changes
):
    on_gpu = Runtime.model_validate({"device": "cuda", "show_progress": False, **(runtime or {})})
    options = {"epochs": 4, "early_stopping": 4, **changes}
    model = MODEL_OF[name](dropout=dropout, **(sizes or {}))
    experiment = experiment_of(name, model, on_gpu, **options)
    return train(experiment, files, store, resume)


def losses(result):
    return result[1]["loss"].tolist()


OTHER_WAYS = [
    {"cuda_graphs": False},
    {"histories": "host"},
    {"histories": "host", "workers": 2},
    {"workers": 2},
    {"ssm_backend": "torch"},
]


@pytest.mark.parametrize("mode", ["sequence", "prefix"])
@pytest.mark.parametrize("runtime", OTHER_WAYS, ids=str)
def test_every_way_of_running_gives_the_same_losses(files, runtime, mode):
    usual = trained("ss4rec", files, training_mode=mode)
    other = trained("ss4rec", files, runtime=runtime, training_mode=mode)
    assert losses(usual) == pytest.approx(losses(other), rel=2e-4)


def test_a_gpu_gives_the_losses_of_the_cpu(files):
    on_cpu = train_of("ss4rec", files, epochs=2)
    on_gpu = trained("ss4rec", files, epochs=2)
    assert losses(on_gpu) == pytest.approx(losses(on_cpu), rel=2e-4)


@pytest.mark.parametrize("runtime", [{}, *OTHER_WAYS], ids=str)
@pytest.mark.parametrize("mode", ["sequence", "prefix"])
def test_unseen_candidates_are_those_of_the_cpu(files, runtime, mode):
    """What lies before a window is sent, or read on the device."""
    options = {"candidates": "unseen", "training_mode": mode, "epochs": 2}
    on_cpu = train_of("ss4rec", files, MODEL_OF["ss4rec"](**SHORT), **options)
    on_gpu = trained("ss4rec", files, runtime=runtime, sizes=SHORT, **options)
    assert losses(on_gpu) == pytest.approx(losses(on_cpu), rel=2e-4)


@pytest.mark.parametrize("name", ["hstu", "sasrec", "gru4rec"])
def test_unseen_candidates_of_dense_batches_are_those_of_the_cpu(files, name):
    options = {"candidates": "unseen", "epochs": 1}
    on_cpu = train_of(name, files, MODEL_OF[name](**SHORT), **options)
    on_gpu = trained(name, files, sizes=SHORT, **options)
    assert losses(on_gpu) == pytest.approx(losses(on_cpu), rel=1e-3)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
@pytest.mark.parametrize("loss_type", ["CE", "sampled_CE"])
def test_unseen_candidates_are_learned_in_every_precision(files, loss_type, precision):
    result = trained(
        "ss4rec", files, runtime={"precision": precision}, loss_type=loss_type, negatives=8,
        candidates="unseen", sizes=SHORT, epochs=30, early_stopping=30, dropout=0.1,
    )  # fmt: skip
    assert result[1]["NDCG@10"].max() > 0.6


@pytest.mark.parametrize("loss_type", ["CE", "sampled_CE", "BPR"])
@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_every_loss_and_precision_learns(files, loss_type, precision):
    result = trained(
        "ss4rec", files, runtime={"precision": precision}, loss_type=loss_type, negatives=8,
        epochs=30, early_stopping=30, dropout=0.1,
    )  # fmt: skip
    assert result[1]["NDCG@10"].max() > 0.6


def test_batches_that_outgrow_their_graph_get_another(files, monkeypatch):
    """Sizes are rounded up so that this is rare; without rounding it happens in every epoch."""
    monkeypatch.setattr(loaders, "ROUND_TOKENS", 1)
    options = {"epochs": 12, "early_stopping": 12, "batch_size": 3}
    recorded = trained("ss4rec", files, **options)
    eager = trained("ss4rec", files, runtime={"cuda_graphs": False}, **options)
    assert losses(recorded) == pytest.approx(losses(eager), rel=2e-3)


@pytest.mark.parametrize("loss_type", ["BCE", "BPR"])
def test_ncf_learns_in_graphs(files, loss_type):
    result = trained("ncf", files, loss_type=loss_type, epochs=8, early_stopping=8)
    assert losses(result)[-1] < losses(result)[0]


def test_dropout_differs_from_step_to_step_in_a_graph(files):
    """A graph replays the same kernels; the masks must still be drawn anew."""
    still = {"learning_rate": 1e-12, "batch_size": 1000}
    first, *others = losses(trained("ss4rec", files, dropout=0.5, **still))
    assert all(abs(loss - first) > 1e-6 for loss in others)


def test_an_interrupted_training_goes_on(files, tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path / "checkpoints")
    eager = {"cuda_graphs": False}
    expected = trained("ss4rec", files, runtime=eager, dropout=0.2)
    with monkeypatch.context() as patch:
        interrupt_at(patch, "ss4rec", 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(RunInterruptedError):
            trained("ss4rec", files, store, runtime=eager, dropout=0.2)
    resumed = trained("ss4rec", files, store, True, runtime=eager, dropout=0.2)
    assert losses(resumed) == pytest.approx(losses(expected), rel=1e-4)


def test_ranks_are_those_of_the_cpu(files):
    artifact, _ = trained("ss4rec", files)
    keys = ["user_id", "mask", "query_time"]
    on_gpu, on_cpu = (
        rank(artifact, files, runtime).sort_values(keys, ignore_index=True)
        for runtime in (Runtime(device="cuda", show_progress=False), CPU)
    )
    assert (on_gpu["rank"] == on_cpu["rank"]).mean() > 0.98
