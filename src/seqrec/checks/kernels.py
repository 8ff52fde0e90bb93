"""The kernels on this machine agree with plain loops."""

from __future__ import annotations

import torch
from torch import Tensor

from seqrec.checks.check import Check
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import Backend, resolve
from seqrec.parameters import Runtime, SS4RecModel
from seqrec.training.devices import resolve_device

TOLERANCE = 1e-4
"""Largest relative difference between float32 kernels and float64 loops."""

N_ITEMS = 60


def check_kernels(model: SS4RecModel, runtime: Runtime) -> Check:
    """Compare the kernels with plain loops in float64: values and every gradient."""
    device = resolve_device(runtime.device)
    backend = resolve(runtime.ssm_backend, device)
    worst = _largest_difference(model.model_copy(update={"dropout": 0.0}), backend, device)
    passed = worst <= TOLERANCE
    detail = f"{backend.name}: largest relative difference to plain float64 loops {worst:.1e}"
    remedy = "" if passed else f" is above {TOLERANCE:.0e}; try another runtime.ssm_backend"
    return Check("kernels", passed, detail + remedy, {"ssm_backend": backend.name})


def _largest_difference(model: SS4RecModel, backend: Backend, device: torch.device) -> float:
    torch.manual_seed(0)
    reference = SS4RecEncoder(model, N_ITEMS, resolve("naive", "cpu")).double()
    items = torch.randint(1, N_ITEMS, (3, 40))
    intervals = torch.rand(3, 40).pow(8) * 1e6
    intervals[:, ::3] = 0  # ties
    expected = _values_and_gradients(reference, items, intervals.double())
    encoder = _copy_on(reference, model, backend, device)
    found = _values_and_gradients(encoder, items.to(device), intervals.to(device))
    return max(
        float((x.double().cpu() - y).abs().max() / y.abs().max().clamp(min=1e-12))
        for x, y in zip(found, expected, strict=True)
    )


def _copy_on(
    reference: SS4RecEncoder, model: SS4RecModel, backend: Backend, device: torch.device
) -> SS4RecEncoder:
    """Copy an encoder's weights into one that computes with `backend` in float32."""
    encoder = SS4RecEncoder(model, N_ITEMS, backend)
    encoder.load_state_dict(reference.state_dict())
    return encoder.float().to(device)


def _values_and_gradients(
    encoder: SS4RecEncoder, items: Tensor, intervals: Tensor
) -> list[Tensor]:
    """Return the hidden states of (B, L) items and intervals, and every weight's gradient."""
    hidden = encoder(items, intervals)
    wanted = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(1))
    (hidden * wanted.to(hidden)).mean().backward()
    return [hidden.detach(), *(p.grad for p in encoder.parameters() if p.grad is not None)]
