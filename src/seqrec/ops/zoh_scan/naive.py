"""The law: a plain loop that autograd differentiates."""

from __future__ import annotations

import torch
from torch import Tensor

from seqrec.ops.discretize import zoh


def zoh_scan(
    drive: Tensor,
    interval: Tensor,
    lambda_re: Tensor,
    lambda_im: Tensor,
    step: Tensor,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run x_k = Λ̄_k x_(k−1) + Λ⁻¹(Λ̄_k − 1) v_k with Λ̄_k = exp(Λ Δ_k s).

    Complex numbers are pairs of reals, real halves first.

    Args:
        drive:     v = B̃u, the projected input,       (B, L, 2P).
        interval:  Δ, time each input is held, ≥ 0,   (B, L).
        lambda_re: Re Λ, below 0,                     (P,).
        lambda_im: Im Λ,                              (P,).
        step:      s, learned scale of time, > 0,     (P,).
        state:     x before the first step,           (B, 2P); zero if None.

    Returns:
        states: x_1 … x_L,    (B, L, 2P).
        last:   x_L,          (B, 2P).

    Paper: S5 (arXiv 2208.04933), eq. 2 and 6, factored (docs/ssm.md).
    """
    decay, gain = zoh(torch.complex(lambda_re, lambda_im), interval, step)
    v = gain * _complex(drive)
    x = torch.zeros_like(v[:, 0]) if state is None else _complex(state)
    states = []
    for k in range(v.shape[1]):
        x = decay[:, k] * x + v[:, k]
        states.append(x)
    return _pairs(torch.stack(states, dim=1)), _pairs(x)


def _complex(pairs: Tensor) -> Tensor:
    return torch.complex(*pairs.chunk(2, dim=-1))


def _pairs(values: Tensor) -> Tensor:
    return torch.cat([values.real, values.imag], dim=-1)
