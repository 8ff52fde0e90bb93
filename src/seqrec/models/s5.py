"""Time-aware S5: a diagonal state-space layer whose step follows the clock."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqrec.ops.discretize import zoh
from seqrec.ops.linear_scan import linear_scan

MAX_REAL_PART = -1e-4
"""Re(Λ) is kept at or below it: a positive eigenvalue would give Inf after a long gap."""


class S5(nn.Module):
    """S5 with one interval per position, HiPPO initialisation from `s5-pytorch`.

    Every parameter is real: complex ones break GradScaler, fused Adam and bf16 autocast.

    Args:
        hidden_size: H, width of the input and output.
        d_state: P, number of complex states.
        dt_min: Smallest initial step, log-uniform.
        dt_max: Largest initial step.

    Paper: S5 (arXiv 2208.04933), eq. 2 and 6; SS4Rec (arXiv 2502.08132), time-aware SSM.
    """

    def __init__(self, hidden_size: int, d_state: int, dt_min: float, dt_max: float) -> None:
        super().__init__()
        import s5

        reference = s5.S5(hidden_size, d_state, dt_min=dt_min, dt_max=dt_max).seq
        self.Lambda_re = nn.Parameter(reference.Lambda.detach().real.clone())
        self.Lambda_im = nn.Parameter(reference.Lambda.detach().imag.clone())
        self.B = nn.Parameter(reference.B.detach().clone())
        self.C = nn.Parameter(torch.view_as_real(reference.C.detach()).clone())
        self.D = nn.Parameter(reference.D.detach().clone())
        self.log_step = nn.Parameter(reference.log_step.detach().flatten().clone())

    def forward(
        self, u: Tensor, interval: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mix along time.

        Args:
            u:        Input,                                          (B, L, H).
            interval: Seconds each input is held, until the next one, (B, L).
            state:    State before the first input, complex,          (B, P); zero if None.

        Returns:
            y:    Output,                            (B, L, H).
            last: State after the last input,        (B, P), complex.
        """
        eigenvalues = torch.complex(self.Lambda_re.clamp(max=MAX_REAL_PART), self.Lambda_im)
        decay, gain = zoh(eigenvalues, interval[..., None] * torch.exp(self.log_step))
        drive = gain * torch.complex(u @ self.B[..., 0].T, u @ self.B[..., 1].T)
        states, last = linear_scan(decay, drive, state)
        y = states.real @ self.C[..., 0].T - states.imag @ self.C[..., 1].T
        return y + self.D * u, last
