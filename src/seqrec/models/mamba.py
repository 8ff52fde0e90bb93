"""Mamba with exactly the parameters of `mamba_ssm.Mamba`: weights are interchangeable."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.ops.autocast import as_autocast
from seqrec.ops.backend import Backend
from seqrec.ops.packing import Packing

MambaState = tuple[Tensor | None, Tensor]
"""Last inputs of the convolution, (B, W − 1, E), and last state of the scan, (B, E, N).

Packed histories cannot be continued: the convolution's state is None."""


class Mamba(nn.Module):
    """Gated causal convolution and selective scan.

    Parameter names, shapes and initial distributions are those of `mamba_ssm.Mamba` with its
    defaults (dt_rank "auto", dt_init "random", bias only in the convolution and dt_proj).

    Args:
        d_model: Width of the input and output.
        d_state: N, states per channel.
        d_conv: Width of the causal convolution.
        expand: E = expand · d_model channels inside.
        backend: Which implementation runs convolution and scan.

    Paper: Mamba (arXiv 2312.00752), section 3 and algorithm 2.
    """

    def __init__(
        self, d_model: int, d_state: int, d_conv: int, expand: int, backend: Backend
    ) -> None:
        super().__init__()
        self.d_inner = expand * d_model
        self.d_state = d_state
        self.dt_rank = math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=False)
        self.conv1d = nn.Conv1d(
            self.d_inner, self.d_inner, d_conv, groups=self.d_inner, padding=d_conv - 1
        )
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner)
        self.A_log = nn.Parameter(
            torch.log(torch.arange(1.0, d_state + 1)).repeat(self.d_inner, 1)
        )
        self.D = nn.Parameter(torch.ones(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)
        self.backend = backend
        self._init_dt()

    def _init_dt(self, dt_min: float = 1e-3, dt_max: float = 0.1, dt_floor: float = 1e-4) -> None:
        """Draw the bias so that softplus(bias) is log-uniform in [dt_min, dt_max]."""
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        exponent = torch.rand(self.d_inner) * math.log(dt_max / dt_min) + math.log(dt_min)
        dt = exponent.exp().clamp(min=dt_floor)
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

    def forward(
        self, hidden: Tensor, state: MambaState | None = None, packing: Packing | None = None
    ) -> tuple[Tensor, MambaState]:
        """Mix along the sequence.

        Args:
            hidden:  Input, (B, L, d_model).
            state:   What an earlier call returned, to continue from.
            packing: Layout of packed input, (T, d_model); None for dense input.

        Returns:
            Output, (B, L, d_model), and the state to continue from.
        """
        conv_state, scan_state = state or (None, None)
        (hidden,) = as_autocast(hidden)
        # Two products, not one and a split: its gradient would copy both halves together.
        x, z = (F.linear(hidden, half) for half in self.in_proj.weight.chunk(2))
        bias = self.conv1d.bias
        assert bias is not None  # noqa: S101 - for the type checker
        x, conv_state = self.backend.causal_conv(
            x, self.conv1d.weight[:, 0], bias, conv_state, packing
        )
        dt, B, C = self.x_proj(x).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        A = -torch.exp(self.A_log)
        y, scan_state = self.backend.selective_scan(
            x, self.dt_proj(dt), A, B, C, self.D, z, scan_state, packing
        )
        return self.out_proj(y), (conv_state, scan_state)
