"""One training step: forward, backward and update, without ever waiting for the device."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.histories.batches import Fields
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.training.processes import Ranks

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
        config: From `build_config`.
        ranks: The processes whose gradients are summed.
        graphs: Whether passes may be recorded.
        layout: What decides the sizes within a pass beside those of its fields.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_of: Callable[[Fields], Tensor],
        config: BridgeConfig,
        ranks: Ranks,
        graphs: bool,
        layout: Callable[[], Hashable] = tuple,
    ) -> None:
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        self.names, self.parameters = [n for n, _ in named], [p for _, p in named]
        self._optimizer, self._loss_of, self._ranks = optimizer, loss_of, ranks
        self._clip, self._graphs, self._layout = config["clip_grad_norm"], graphs, layout
        self._bf16 = config["precision"] == "bf16" and self.parameters[0].is_cuda
        self._recorded: OrderedDict[Any, _Recording | None] = OrderedDict()
        self._pool = torch.cuda.graph_pool_handle() if graphs else None

    def __call__(self, parts: list[Fields], learning_rate: float) -> tuple[Tensor, Tensor]:
        """Take a step.

        Args:
            parts: This process's share, from the train loader.
            learning_rate: Of this step.

        Returns:
            The step's loss, scalar, and each parameter's gradient norm before clipping, (P,);
            both on the device, and perhaps not computed yet.
        """
        loss, gradients = self._accumulate(parts)
        self._ranks.add([loss, *gradients])
        norms = torch.stack(torch._foreach_norm(gradients))
        if self._clip:
            factor = self._clip / (torch.linalg.vector_norm(norms) + 1e-6)
            torch._foreach_mul_(gradients, factor.clamp(max=1.0))
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        return loss, norms

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

    def _compute(self, fields: Fields) -> Pass:
        with torch.autocast("cuda", torch.bfloat16, enabled=self._bf16, cache_enabled=False):
            loss = self._loss_of(fields)
        gradients = torch.autograd.grad(
            loss, self.parameters, allow_unused=True, materialize_grads=True
        )
        laid_out = [_as_laid_out(g, p) for g, p in zip(gradients, self.parameters, strict=True)]
        return loss.detach(), laid_out


def _as_laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """Give a gradient its parameter's strides, which a fused optimiser insists on."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class _Recording:
    """A pass as a CUDA graph; its inputs, loss and gradients have fixed places."""

    def __init__(self, compute: Callable[[Fields], Pass], fields: Fields, pool: Any) -> None:
        self._inputs = {name: x.clone() for name, x in fields.items()}
        self._graph = torch.cuda.CUDAGraph()
        state = torch.cuda.get_rng_state()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries choose kernels and workspaces on this stream
            for _ in range(2):
                compute(self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(self._graph, pool=pool):
            self._result = compute(self._inputs)
        torch.cuda.set_rng_state(state)

    def replay(self, fields: Fields) -> Pass:
        """Run the pass on other values of the same sizes."""
        for name, place in self._inputs.items():
            place.copy_(fields[name], non_blocking=True)
        self._graph.replay()
        return self._result


class Average:
    """Exponential moving average of the weights, which is what gets validated and kept.

    Args:
        parameters: The weights.
        decay: Share of the old average in the new.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float) -> None:
        self._parameters: list[Tensor] = list(parameters)
        self._decay = decay
        self.values = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average."""
        torch._foreach_lerp_(self.values, self._parameters, 1 - self._decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average in the weights' place while the block runs."""
        own = [parameter.detach().clone() for parameter in self._parameters]
        with torch.no_grad():
            torch._foreach_copy_(self._parameters, self.values)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self._parameters, own)


def learning_rate_at(
    peak: float, step: int, warmup_steps: int, progress: float, schedule: str
) -> float:
    """Learning rate of a step.

    Args:
        peak: The learning rate after warm-up.
        step: Steps taken since training began.
        warmup_steps: Steps in which it rises in a straight line; 0 for none.
        progress: Share of all epochs that is done, in [0, 1).
        schedule: ``constant``, or ``cosine`` down to 0.

    >>> learning_rate_at(1.0, 4, 10, 0.0, "constant")
    0.5
    >>> round(learning_rate_at(1.0, 50, 10, 0.5, "cosine"), 6)
    0.5
    """
    rise = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    fall = (1 + math.cos(math.pi * progress)) / 2 if schedule == "cosine" else 1.0
    return peak * rise * fall
