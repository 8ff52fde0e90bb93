"""One training step: forward, backward and update, without ever waiting for the device."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.training.exchange import DuringBackward
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes
from seqrec.training.sharded_items import sharded_parameters

Fields = dict[str, Tensor]
"""The tensors of a batch by name."""

Pass = tuple[Tensor, list[Tensor]]
"""A loss and the gradients of every parameter."""

GRAPHS = 2
"""Recorded passes that are kept: that of full batches, and that of an epoch's last."""


class TrainStep:
    """Turns a step's parts into an update of the weights.

    Passes of a size seen before are recorded as a CUDA graph and replayed.

    Args:
        model: What learns.
        optimizer: Updates it.
        loss_of: Loss of a part, weighted with its share; reads no value on the host.
        experiment: Its `clip_grad_norm` and `precision`.
        processes: The processes whose gradients are summed.
        graphs: Whether passes may be recorded.
        layout: What decides the sizes within a pass beside those of its fields.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_of: Callable[[Fields], Tensor],
        experiment: Experiment,
        processes: Processes,
        graphs: bool,
        layout: Callable[[], Hashable] = tuple,
    ) -> None:
        learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.names = list(learned)
        self.parameters = list(learned.values())
        self._sharded = [i for i, name in enumerate(learned) if name in sharded_parameters(model)]
        self._optimizer = optimizer
        self._loss_of = loss_of
        self._processes = processes
        self._clip_grad_norm = experiment.training.clip_grad_norm
        self._graphs = graphs
        self._layout = layout
        on_gpu = self.parameters[0].is_cuda
        self._bf16 = experiment.runtime.precision == "bf16" and on_gpu
        self._recorded: OrderedDict[Any, _Recording | None] = OrderedDict()
        self._pool = torch.cuda.graph_pool_handle() if graphs else None
        # Only the pass that ends a step may exchange: with several, all are summed first.
        exchange = experiment.runtime.gradient_exchange
        alone = processes.count == 1 or experiment.training.accumulate > 1 or self._sharded
        self._within_pass = exchange != "after" and not alone
        during = exchange == "during" and not alone
        self._during = DuringBackward(self.parameters, processes) if during else None

    def __call__(self, parts: list[Fields]) -> tuple[Tensor, Tensor]:
        """Take a step.

        Args:
            parts: This process's share, from the train loader.

        Returns:
            The step's loss, scalar, and each parameter's gradient norm before clipping, (P,);
            both on the device, and perhaps not computed yet.
        """
        loss, gradients = self._accumulate(parts)
        if not self._within_pass:
            # The gradient of rows that only this process keeps is that of all positions already.
            ours = [g for i, g in enumerate(gradients) if i not in self._sharded]
            self._processes.add([loss, *ours])
        norms = self.norms(gradients)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        if self._clip_grad_norm:
            norm = torch.linalg.vector_norm(norms)
            nn.utils.clip_grads_with_norm_(self.parameters, self._clip_grad_norm, norm)
        self._optimizer.step()
        return loss, norms

    def norms(self, tensors: list[Tensor]) -> Tensor:
        """Return the norm of each parameter, or of its gradient, (P,); shared-out ones whole."""
        norms = torch.stack(torch._foreach_norm(tensors))
        if self._sharded:
            squares = norms[self._sharded].square()
            self._processes.add([squares])
            norms[self._sharded] = squares.sqrt()
        return norms

    def _accumulate(self, parts: list[Fields]) -> Pass:
        loss, gradients = self._pass(parts[0])
        if len(parts) == 1:
            return loss.clone(), gradients
        loss, gradients = loss.clone(), [gradient.clone() for gradient in gradients]
        for part in parts[1:]:
            more, added = self._pass(part)
            loss += more
            torch._foreach_add_(gradients, added)
        return loss, gradients

    def _pass(self, fields: Fields) -> Pass:
        if not self._graphs:
            return self._compute(fields)
        shapes = tuple((name, tuple(x.shape), x.dtype) for name, x in fields.items())
        size = (self._layout(), shapes)
        if size not in self._recorded:  # the first time is a rehearsal
            self._recorded[size] = None
            if len(self._recorded) > GRAPHS:
                self._recorded.popitem(last=False)
            return self._compute(fields)
        recording = self._recorded[size] or _Recording(self._compute, fields, self._pool)
        self._recorded[size] = recording
        return recording.replay(fields)

    def _compute(self, fields: Fields, rehearsal: bool = False) -> Pass:
        """Compute a pass; a rehearsal, which other processes may not have, exchanges nothing."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self._bf16, cache_enabled=False):
            loss = self._loss_of(fields)
        if self._during:
            return self._during(loss, summing=not rehearsal)
        gradients = torch.autograd.grad(
            loss, self.parameters, allow_unused=True, materialize_grads=True
        )
        laid_out = [_as_laid_out(g, p) for g, p in zip(gradients, self.parameters, strict=True)]
        loss = loss.detach()
        if self._within_pass and not rehearsal:
            self._processes.add([loss, *laid_out])
        return loss, laid_out


def _as_laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """Give a gradient its parameter's strides, which a fused optimiser insists on."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class _Recording:
    """A pass as a CUDA graph; its inputs, loss and gradients have fixed places."""

    def __init__(self, compute: Callable[..., Pass], fields: Fields, pool: Any) -> None:
        self._inputs = {name: x.clone() for name, x in fields.items()}
        self._graph = torch.cuda.CUDAGraph()
        state = torch.cuda.get_rng_state()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries choose kernels and workspaces on this stream
            for _ in range(2):
                compute(self._inputs, rehearsal=True)
        torch.cuda.current_stream().wait_stream(side)
        # NCCL looks after its messages from a thread of its own, also while a graph is recorded.
        mode = "thread_local" if torch.distributed.is_initialized() else "global"
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode=mode):
            self._result = compute(self._inputs)
        torch.cuda.set_rng_state(state)

    def replay(self, fields: Fields) -> Pass:
        """Run the pass on other values of the same sizes."""
        for name, place in self._inputs.items():
            place.copy_(fields[name], non_blocking=True)
        self._graph.replay()
        return self._result
