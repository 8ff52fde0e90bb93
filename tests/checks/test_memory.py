"""The estimate of a training's memory lies above what a step of any model holds."""

import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seqrec.checks.memory import CONTEXT_GIB, GIB, needed_gib
from seqrec.checks.rehearsal import make_histories
from seqrec.model_registry import MODELS
from tests.conftest import CPU, MODEL_OF, training
from tests.recbole_bridge.helpers import loaders_of

ITEMS = 60


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors that are made in its block, and the most at once."""

    def __init__(self):
        super().__init__()
        self.known = set()
        self.now = 0
        self.peak = 0

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        made = op(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self.count(leaf.untyped_storage())
        self.peak = max(self.peak, self.now)
        return made

    def count(self, storage):
        key = storage._cdata
        if key not in self.known:
            self.known.add(key)
            self.now += storage.nbytes()
            weakref.finalize(storage, self.forget, key, storage.nbytes())

    def forget(self, key, size):
        self.known.discard(key)
        self.now -= size


def bytes_of_a_step(loaders):
    """What is held at once, from the batch to the gradients, beside the weights."""
    recommender = loaders.parts.recommender.train()
    loaders.train.start(0)
    (part, *_) = next(loaders.train.parts(0))
    with LiveBytes() as live:
        recommender.calculate_loss(loaders.train.expand(part)).backward()
    return live.peak


@pytest.mark.parametrize("length", [50, 1600])
@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.uses_history])
def test_the_estimate_is_above_what_a_step_holds(name, length, tmp_path):
    model = MODEL_OF[name](max_length=length, n_layers=1, dropout=0.2)
    plan = training(name, batch_size=2)
    files = make_histories(tmp_path, plan, length, ITEMS)
    held = bytes_of_a_step(loaders_of(name, files, model, batch_size=2))
    ranking = 3 * 4 * CPU.eval_batch_size * ITEMS
    estimate = needed_gib(model, plan, CPU, 20, ITEMS) - CONTEXT_GIB
    assert held < estimate * GIB - ranking


def test_attention_grows_with_the_square_of_the_length():
    def needed(name, length):
        plan = training(name, batch_size=128)
        return needed_gib(MODEL_OF[name](max_length=length), plan, CPU, 10, 10) - CONTEXT_GIB

    for name, spec in MODELS.items():
        if spec.uses_history:
            attends = "n_heads" in spec.parameters.model_fields
            assert (needed(name, 4000) > 10 * needed(name, 1000)) == attends, name
