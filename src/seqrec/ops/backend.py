"""Which implementation of the ops runs: chosen once, by name, and said in the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec

import torch

from seqrec.errors import ProjectError
from seqrec.ops.causal_conv import CausalConv
from seqrec.ops.cross_entropy import CrossEntropy
from seqrec.ops.residual_norm import ResidualNorm
from seqrec.ops.selective_scan import SelectiveScan
from seqrec.ops.zoh_scan import ZohScan


@dataclass(frozen=True)
class Backend:
    """One implementation of every op; they compute the same function in every backend.

    Attributes:
        name: What `resolve` was asked for, or chose.
        runs: What computes the recurrences and where, for the log.
        zoh_scan: S5's recurrence.
        selective_scan: Mamba's recurrence with skip and gate.
        causal_conv: Mamba's convolution with SiLU.
        residual_norm: LayerNorm of a residual with dropout.
        cross_entropy: Loss over all items.
        prefers_packed: Packed histories are faster than padded ones: training batches are cut so.
    """

    name: str
    runs: str
    zoh_scan: ZohScan
    selective_scan: SelectiveScan
    causal_conv: CausalConv
    residual_norm: ResidualNorm
    cross_entropy: CrossEntropy
    prefers_packed: bool = False


def resolve(name: str, device: torch.device | str) -> Backend:
    """Return a backend that can run on a device.

    Args:
        name: One of `NAMES`; ``auto`` is ``triton`` on CUDA and ``torch`` elsewhere.
        device: Where tensors will be.

    Raises:
        ProjectError: The backend is unknown, not installed, or not for this device.
    """
    device = torch.device(device)
    if name == "auto":
        name = "triton" if device.type == "cuda" and find_spec("triton") else "torch"
    if name not in _BACKENDS:
        raise ProjectError(f"ssm_backend {name!r} is unknown: choose one of {', '.join(NAMES)}")
    _require_packages(name)
    _require_device(name, device)
    return _BACKENDS[name](device)


# A backend's modules are imported when it is chosen: some are slow to import, some not installed.


def _naive(device: torch.device) -> Backend:
    from seqrec.ops.causal_conv.naive import causal_conv
    from seqrec.ops.cross_entropy.naive import cross_entropy
    from seqrec.ops.residual_norm.naive import residual_norm
    from seqrec.ops.selective_scan.naive import selective_scan
    from seqrec.ops.zoh_scan.naive import zoh_scan

    return Backend(
        name="naive",
        runs=f"plain loops on {device}",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
    )


def _torch(device: torch.device) -> Backend:
    if device.type == "cpu":
        return replace(_numba(device), name="torch")
    from seqrec.ops.causal_conv.torch import causal_conv
    from seqrec.ops.cross_entropy.torch import cross_entropy
    from seqrec.ops.residual_norm.naive import residual_norm
    from seqrec.ops.selective_scan.torch import selective_scan
    from seqrec.ops.zoh_scan.torch import zoh_scan

    return Backend(
        name="torch",
        runs=f"loops of torch's operations on {device}",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
    )


def _numba(device: torch.device) -> Backend:
    from seqrec.ops.causal_conv.numba import causal_conv
    from seqrec.ops.cross_entropy.torch import cross_entropy
    from seqrec.ops.residual_norm.naive import residual_norm
    from seqrec.ops.selective_scan.numba import selective_scan
    from seqrec.ops.zoh_scan.numba import zoh_scan

    return Backend(
        name="numba",
        runs=f"numba kernels on {device} in float32, torch in any other type",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
    )


def _triton(device: torch.device) -> Backend:
    from seqrec.ops.causal_conv.triton import causal_conv
    from seqrec.ops.cross_entropy.triton import cross_entropy
    from seqrec.ops.residual_norm.triton import residual_norm
    from seqrec.ops.selective_scan.triton import selective_scan
    from seqrec.ops.zoh_scan.triton import zoh_scan

    means = "kernels" if device.type == "cuda" else "kernels, interpreted,"
    return Backend(
        name="triton",
        runs=f"triton {means} on {device}",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
        prefers_packed=True,
    )


def _official(device: torch.device) -> Backend:
    from seqrec.ops.causal_conv.official import causal_conv
    from seqrec.ops.cross_entropy.torch import cross_entropy
    from seqrec.ops.residual_norm.naive import residual_norm
    from seqrec.ops.selective_scan.official import selective_scan
    from seqrec.ops.zoh_scan.official import zoh_scan

    return Backend(
        name="official",
        runs=f"mamba_ssm, causal_conv1d and s5-pytorch on {device}",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
    )


def exportable() -> Backend:
    """Return what a model is exported with: operators that `torch.export` and ONNX have.

    It computes the same function and is no choice of a run: everything else is faster.
    """
    from seqrec.ops.causal_conv.torch import causal_conv
    from seqrec.ops.cross_entropy.torch import cross_entropy
    from seqrec.ops.residual_norm.naive import residual_norm
    from seqrec.ops.selective_scan.export import selective_scan
    from seqrec.ops.zoh_scan.export import zoh_scan

    return Backend(
        name="export",
        runs="operators of a program",
        zoh_scan=zoh_scan,
        selective_scan=selective_scan,
        causal_conv=causal_conv,
        residual_norm=residual_norm,
        cross_entropy=cross_entropy,
    )


_BACKENDS = {
    "official": _official,
    "triton": _triton,
    "torch": _torch,
    "numba": _numba,
    "naive": _naive,
}
NAMES = ("auto", *_BACKENDS)

_PACKAGES = {"triton": ["triton"], "official": ["mamba_ssm", "causal_conv1d", "s5"]}
_REMEDIES = {
    "triton": "install a CUDA build of torch",
    "official": "pip install 'seqrec[gpu]'",
}


def _require_packages(name: str) -> None:
    missing = [package for package in _PACKAGES.get(name, []) if find_spec(package) is None]
    if missing:
        raise ProjectError(
            f"ssm_backend {name!r} needs {', '.join(missing)}: {_REMEDIES[name]}, "
            "or use ssm_backend=auto"
        )


def _require_device(name: str, device: torch.device) -> None:
    if name == "numba" and device.type != "cpu":
        raise ProjectError(
            f"ssm_backend 'numba' runs on a CPU only, not on {device}: use ssm_backend=auto"
        )
    if name in _PACKAGES and device.type != "cuda" and not _interpreted(name):
        raise ProjectError(
            f"ssm_backend {name!r} runs on CUDA only, not on {device}: use ssm_backend=auto"
        )


def _interpreted(name: str) -> bool:
    """Return whether Triton's interpreter stands in for a GPU, as in the tests."""
    if name != "triton":
        return False
    import triton

    return bool(triton.knobs.runtime.interpret)
