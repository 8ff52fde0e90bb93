"""The device has the memory that a training takes."""

from __future__ import annotations

import psutil
import torch

from seqrec.checks.check import Check
from seqrec.parameters import ModelParameters, NCFModel, Runtime, Training
from seqrec.training.devices import resolve_device

GIB = 2**30
CONTEXT_GIB = 1.0
"""CUDA's context, compiled kernels and libraries' workspaces."""

ACTIVATIONS = 60
"""Floats kept per token, layer and hidden unit, on the safe side: about 24 would explain the
0.64 GiB that a training took on an H100 (docs/results/speed.md)."""

ATTENTION = 6
"""Floats kept per pair of positions, layer and head where a model attends, on the safe side: the
networks that do hold about 3 (tests/checks/test_memory.py)."""

FEED_FORWARD = 6
"""Floats kept per token, layer and inner unit of a gated feed-forward layer: both halves of what
enters it, the gate, their product, and gradients on the way back."""

CHUNK_OF_LOGITS = 2**27
"""Logits of the full softmax that exist at once, at most."""


def needed_gib(
    model: ModelParameters, training: Training, runtime: Runtime, n_users: int, n_items: int
) -> float:
    """Estimate from above what a training holds on its device, in GiB.

    Weights with gradient and Adam's two moments; activations; what attention holds for each pair
    of positions, if the model has heads; what is inside feed-forward layers; a chunk of logits and
    its gradient; what histories have seen; the scores of an evaluation batch.

    Args:
        model: The network's parameters.
        training: How it is trained.
        runtime: The machine.
        n_users: Users, all of them embedded if the model reads no histories.
        n_items: Items, all of them embedded.
    """
    width, layers = _size(model)
    length = int(getattr(model, "max_length", 0))
    tokens = _tokens(training, length)
    embeddings = (n_items if length else n_users + n_items) * width
    floats = (
        4 * embeddings
        + ACTIVATIONS * tokens * layers * width
        + ATTENTION * tokens * length * layers * int(getattr(model, "n_heads", 0))
        + FEED_FORWARD * tokens * layers * int(getattr(model, "feed_forward", 0))
        + 2 * _logits(training, tokens, width, n_items)
        + _seen(training, n_items)
        + 3 * runtime.eval_batch_size * n_items
    )
    return CONTEXT_GIB + 4 * floats / GIB


def _size(model: ModelParameters) -> tuple[int, int]:
    """Return a network's width and its number of layers."""
    if isinstance(model, NCFModel):
        return model.mf_size + model.mlp_size, len(model.mlp_hidden_sizes) + 1
    width = int(getattr(model, "hidden_size", 1))
    return width, int(getattr(model, "n_layers", 1))


def _tokens(training: Training, length: int) -> int:
    """Count the positions of a step: of histories, or of pairs with their negatives."""
    if length:
        return training.batch_size * length // training.accumulate
    return training.batch_size * (1 + training.negatives)


def _logits(training: Training, tokens: int, width: int, n_items: int) -> int:
    """Count the floats that a loss holds for its scores."""
    if training.loss_type == "CE":
        return min(tokens * n_items, CHUNK_OF_LOGITS)
    if training.loss_type == "sampled_CE":
        return (3 + training.leaves_out_seen) * tokens * training.negatives
    return tokens * training.negatives * width


def _seen(training: Training, n_items: int) -> int:
    """Count the floats that the table of what histories have seen fills, 2 bytes an item."""
    return training.leaves_out_seen * training.batch_size * n_items // (2 * training.accumulate)


def check_memory(needed: float, runtime: Runtime) -> Check:
    """Compare what is free with what is needed, in GiB."""
    device = resolve_device(runtime.device)
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] / GIB
    else:
        free = psutil.virtual_memory().available / GIB
    detail = f"{free:.1f} GiB free, at most {needed:.1f} GiB needed"
    remedy = "; take a larger GPU, or training.accumulate=2, or a smaller runtime.eval_batch_size"
    return Check("memory", free >= needed, detail + ("" if free >= needed else remedy))
