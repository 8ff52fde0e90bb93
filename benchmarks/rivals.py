"""What others run: the authors' block from its packages, and a Mamba in plain PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.models.mamba import Mamba


class AuthorsBlock(nn.Module):
    """`s5.S5` with a step per token, then a Mamba, as SS4Rec's released code arranges them."""

    def __init__(self, hidden: int, d_state: int, mamba: nn.Module, dropout: float = 0.2) -> None:
        super().__init__()
        import s5

        self.s5, self.mamba = s5.S5(hidden, d_state), mamba
        self.norm, self.dropout = nn.LayerNorm(hidden, eps=1e-12), nn.Dropout(dropout)

    def forward(self, x: Tensor, interval: Tensor) -> Tensor:
        """Mix along the history, (B, L, D)."""
        h = self.norm(self.dropout(self.s5(x, interval)) + x)
        return self.norm(self.dropout(self.mamba(h)) + h)


def official_mamba(hidden: int, d_state: int) -> nn.Module:
    """`mamba_ssm.Mamba` with the paper's sizes."""
    from mamba_ssm import Mamba as OfficialMamba

    return OfficialMamba(d_model=hidden, d_state=d_state, d_conv=4, expand=2)


class PlainMamba(Mamba):
    """Mamba as PyTorch code is usually written: every step's matrices at once, then a loop."""

    def forward(self, hidden: Tensor) -> Tensor:  # type: ignore[override]
        """Mix along the sequence, (B, L, D)."""
        x, z = self.in_proj(hidden).chunk(2, dim=-1)
        x = F.silu(self.conv1d(x.transpose(1, 2))[..., : hidden.shape[1]]).transpose(1, 2)
        dt, B, C = self.x_proj(x).split([self.dt_rank, self.d_state, self.d_state], dim=-1)
        dt = F.softplus(self.dt_proj(dt))
        decay = torch.exp(torch.einsum("ble,en->blen", dt, -torch.exp(self.A_log)))
        drive = torch.einsum("ble,bln,ble->blen", dt, B, x)
        state, outputs = drive[:, 0] * 0, []
        for k in range(hidden.shape[1]):
            state = decay[:, k] * state + drive[:, k]
            outputs.append(torch.einsum("ben,bn->be", state, C[:, k]))
        return self.out_proj((torch.stack(outputs, 1) + x * self.D) * F.silu(z))
