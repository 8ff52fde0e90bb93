"""Which implementation of the ops runs: chosen once, by name, never replaced in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import torch

from seqrec.errors import ProjectError

NAMES = ("auto", "official", "triton", "torch", "naive")


@dataclass(frozen=True)
class Backend:
    """The ops of one implementation; they compute the same function in every backend.

    Attributes:
        name: What `resolve` was asked for, or chose.
        zoh_scan: S5's recurrence.
        selective_scan: Mamba's recurrence with skip and gate.
        causal_conv: Mamba's convolution with SiLU.
        residual_norm: LayerNorm of a residual with dropout.
        cross_entropy: Loss over all items.
        packs: The ops take packed histories with `cu_seqlens`.
    """

    name: str
    zoh_scan: Callable[..., tuple[torch.Tensor, torch.Tensor]]
    selective_scan: Callable[..., tuple[torch.Tensor, torch.Tensor]]
    causal_conv: Callable[..., tuple[torch.Tensor, torch.Tensor]]
    residual_norm: Callable[..., torch.Tensor]
    cross_entropy: Callable[..., torch.Tensor]
    packs: bool = False


_OPS = ("zoh_scan", "selective_scan", "causal_conv", "residual_norm", "cross_entropy")
_MODULES = {
    "naive": ("naive", "naive", "naive", "naive", "naive"),
    "torch": ("numba", "numba", "numba", "naive", "torch"),
    "triton": ("triton", "triton", "triton", "triton", "triton"),
    "official": ("official", "official", "official", "naive", "torch"),
}
_NEEDS = {"triton": ("triton",), "official": ("mamba_ssm", "causal_conv1d", "s5")}


def resolve(name: str, device: torch.device | str) -> Backend:
    """Return a backend that can run on a device.

    Args:
        name: One of `NAMES`; ``auto`` is ``triton`` on CUDA and ``torch`` elsewhere.
        device: Where tensors will be.

    Raises:
        ProjectError: The backend is unknown, not installed, or not for this device.
    """
    cuda = torch.device(device).type == "cuda"
    if name == "auto":
        name = "triton" if cuda and find_spec("triton") else "torch"
    if name not in _MODULES:
        raise ProjectError(f"ssm_backend {name!r} is unknown: choose one of {', '.join(NAMES)}")
    missing = [module for module in _NEEDS.get(name, ()) if find_spec(module) is None]
    if missing:
        extra = (
            "pip install 'seqrec[gpu]'" if name == "official" else "install a CUDA build of torch"
        )
        raise ProjectError(
            f"ssm_backend {name!r} needs {', '.join(missing)}: {extra}, or use ssm_backend=auto"
        )
    if name in _NEEDS and not cuda and not _interpreted(name):
        raise ProjectError(
            f"ssm_backend {name!r} runs on CUDA only, not on {device}: use ssm_backend=auto"
        )
    return _load(name)


def _interpreted(name: str) -> bool:
    """Tell whether Triton's interpreter stands in for a GPU, as in the tests."""
    if name != "triton":
        return False
    import triton

    return bool(triton.knobs.runtime.interpret)


def _load(name: str) -> Backend:
    ops = {
        op: getattr(import_module(f"seqrec.ops.{op}.{module}"), op)
        for op, module in zip(_OPS, _MODULES[name], strict=True)
    }
    return Backend(name, **ops, packs=name == "triton")
