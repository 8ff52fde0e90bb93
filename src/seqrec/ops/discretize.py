"""Zero-order hold of a diagonal state matrix, in factored form (docs/ssm.md)."""

from __future__ import annotations

import torch
from torch import Tensor


def zoh(eigenvalues: Tensor, interval: Tensor) -> tuple[Tensor, Tensor]:
    """Discretise x' = Λx + v over intervals in which v is held.

    The factored form keeps the input matrix out: instead of B̄ = Λ⁻¹(Λ̄ − 1)B̃ per step, (L, P, H),
    the gain multiplies the projected input B̃u, (L, P).

    Args:
        eigenvalues: Λ, complex with a negative real part,  (P,).
        interval:    Δ, at least 0,                         (..., P).

    Returns:
        decay: Λ̄ = exp(ΛΔ),        complex, (..., P).
        gain:  Λ⁻¹(Λ̄ − 1),         complex, (..., P); 0 where Δ = 0.

    Paper: S5 (arXiv 2208.04933), eq. 6.
    """
    exponent, angle = eigenvalues.real * interval, eigenvalues.imag * interval
    magnitude = torch.exp(exponent)
    sine = torch.sin(angle)
    decay = torch.complex(magnitude * torch.cos(angle), magnitude * sine)
    # exp(a)cos(b) − 1 without cancellation for short intervals.
    real = torch.expm1(exponent) * torch.cos(angle) - 2 * torch.sin(angle / 2) ** 2
    return decay, torch.complex(real, magnitude * sine) / eigenvalues
