"""Zero-order hold of a diagonal state matrix, in factored form (docs/concepts/kernels.md)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def zoh(eigenvalues: Tensor, interval: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Discretise x' = Λx + v over intervals in which v is held.

    The factored form keeps the input matrix out: instead of B̄ = Λ⁻¹(Λ̄ − 1)B̃ per step, (L, P, H),
    the gain multiplies the projected input B̃u, (L, P).

    Args:
        eigenvalues: Λ, complex with a negative real part,   (P,).
        interval:    Δ, at least 0,                          (...).
        step:        s, what Δ is multiplied with,           (P,).

    Returns:
        decay: Λ̄ = exp(ΛΔs),       complex, (..., P).
        gain:  Λ⁻¹(Λ̄ − 1),         complex, (..., P); 0 where Δ = 0.

    Paper: S5 (arXiv 2208.04933), eq. 6.
    """
    exponent = eigenvalues.real * (interval[..., None] * step)
    angle = turn(eigenvalues.imag, interval, step)
    magnitude = torch.exp(exponent)
    sine = torch.sin(angle)
    cosine = torch.cos(angle)
    # exp(a)cos(b) − 1 without cancellation for short intervals. For long ones that form's gradient
    # would be a difference of equal numbers times the interval.
    short = torch.expm1(exponent) * cosine - 2 * torch.sin(angle / 2) ** 2
    real = torch.where(exponent > -0.25, short, magnitude * cosine - 1)
    decay = torch.complex(magnitude * cosine, magnitude * sine)
    return decay, torch.complex(real, magnitude * sine) / eigenvalues


def turn(frequency: Tensor, interval: Tensor, step: Tensor) -> Tensor:
    """Return the angle ωΔs in [−π, π].

    The product is thousands of radians after a few minutes: in float32 its rounding alone would
    turn the state. Double precision is kept until whole turns are taken off.
    """
    angle = frequency.double() * (interval[..., None].double() * step.double())
    return (angle - 2 * math.pi * torch.round(angle.detach() / (2 * math.pi))).to(frequency.dtype)


def scale_time(seconds: Tensor, time_scale: str) -> Tensor:
    """Turn intervals into what S5 multiplies its step with.

    Args:
        seconds: Δ, whole seconds, at least 0, any shape.
        time_scale: ``seconds``: Δ, as in the authors' code; an event tied with the next (Δ = 0)
            never enters the state. ``log1p``: log(1 + Δ), so that a night does not wipe the
            state. ``log1p_plus_one``: 1 + log(1 + Δ), so that tied events enter it too.
            ``constant``: 1, so that only the order counts (an ablation).

    Returns:
        Scaled intervals in float32, or in float64 if given so.
    """
    exact = seconds.double()
    scaled = {
        "seconds": lambda: exact,
        "log1p": lambda: torch.log1p(exact),
        "log1p_plus_one": lambda: 1 + torch.log1p(exact),
        "constant": lambda: torch.ones_like(exact),
    }[time_scale]()
    return scaled if seconds.dtype == torch.float64 else scaled.float()
