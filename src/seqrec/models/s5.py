"""Time-aware S5: a diagonal state-space layer whose step follows the clock."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.models.blank import is_blank
from seqrec.ops.backend import Backend
from seqrec.ops.packing import Packing

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
        backend: Which implementation runs the recurrence.

    Paper: S5 (arXiv 2208.04933), eq. 2 and 6; SS4Rec (arXiv 2502.08132), time-aware SSM.
    """

    def __init__(
        self, hidden_size: int, d_state: int, dt_min: float, dt_max: float, backend: Backend
    ) -> None:
        super().__init__()
        self.backend = backend
        if is_blank():
            self._reserve(hidden_size, d_state)
        else:
            self._draw(hidden_size, d_state, dt_min, dt_max)

    def _draw(self, hidden_size: int, d_state: int, dt_min: float, dt_max: float) -> None:
        """Take the initial values of `s5-pytorch`."""
        import s5

        reference = s5.S5(hidden_size, d_state, dt_min=dt_min, dt_max=dt_max).seq
        self.Lambda_re = nn.Parameter(reference.Lambda.detach().real.clone())
        self.Lambda_im = nn.Parameter(reference.Lambda.detach().imag.clone())
        self.B = nn.Parameter(reference.B.detach().clone())
        self.C = nn.Parameter(torch.view_as_real(reference.C.detach()).clone())
        self.D = nn.Parameter(reference.D.detach().clone())
        self.log_step = nn.Parameter(reference.log_step.detach().flatten().clone())

    def _reserve(self, hidden_size: int, d_state: int) -> None:
        """Make the same parameters without values."""
        self.Lambda_re = nn.Parameter(torch.empty(d_state))
        self.Lambda_im = nn.Parameter(torch.empty(d_state))
        self.B = nn.Parameter(torch.empty(d_state, hidden_size, 2))
        self.C = nn.Parameter(torch.empty(hidden_size, d_state, 2))
        self.D = nn.Parameter(torch.empty(hidden_size))
        self.log_step = nn.Parameter(torch.empty(d_state))

    def forward(
        self,
        u: Tensor,
        interval: Tensor,
        state: Tensor | None = None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Mix along time.

        Args:
            u:        Input,                                          (B, L, H).
            interval: Time each input is held, until the next one,    (B, L).
            state:    State before the first input, as pairs,         (B, 2P); zero if None.
            packing:  Layout of packed input, (T, H) and (T,); None for dense input.

        Returns:
            y:    Output,                       (B, L, H).
            last: State after the last input,   (B, 2P).
        """
        drive = F.linear(u, torch.cat([self.B[..., 0], self.B[..., 1]]))
        states, last = self.backend.zoh_scan(
            drive,
            interval,
            self.Lambda_re.clamp(max=MAX_REAL_PART),
            self.Lambda_im,
            torch.exp(self.log_step),
            state,
            packing,
        )
        y = F.linear(states, torch.cat([self.C[..., 0], -self.C[..., 1]], dim=1))
        return y + self.D * u, last
