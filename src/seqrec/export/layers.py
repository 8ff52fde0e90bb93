"""What stands in for layers that cannot be exported for histories of any length."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from seqrec.ops.backend import exportable


def make_exportable(network: nn.Module) -> None:
    """Have a network compute the same with operators that programs have."""
    backend = exportable()
    for module in network.modules():
        if hasattr(module, "backend"):
            setattr(module, "backend", backend)  # noqa: B010 - the type checker sees a submodule
        for name, child in module.named_children():
            if isinstance(child, nn.GRU):
                setattr(module, name, ScannedGRU(child))


class ScannedGRU(nn.Module):
    """`nn.GRU`, batch first and without bias: torch's own is exported for one length only.

    Args:
        gru: Has the weights.
    """

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        layers = range(gru.num_layers)
        self.inputs = nn.ParameterList(getattr(gru, f"weight_ih_l{i}") for i in layers)
        self.recurrent = nn.ParameterList(getattr(gru, f"weight_hh_l{i}") for i in layers)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Run the layers over time.

        Args:
            x: Input, (B, L, D).

        Returns:
            Output, (B, L, H); None where `nn.GRU` has its state.

        Paper: arXiv 1406.1078, as torch writes it.
        """
        hidden = x.transpose(0, 1)
        for into, recurrent in zip(self.inputs, self.recurrent, strict=True):
            hidden = _run(F.linear(hidden, into), recurrent)
        return hidden.transpose(0, 1), None


def _run(gates: Tensor, recurrent: Tensor) -> Tensor:
    """Run one layer, time first: (L, B, 3H) to (L, B, H)."""

    def step(before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        reset_x, keep_x, new_x = now.chunk(3, dim=-1)
        reset_h, keep_h, new_h = F.linear(before, recurrent).chunk(3, dim=-1)
        keep = torch.sigmoid(keep_x + keep_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        after = (1 - keep) * new + keep * before
        return after, after.clone()

    start = torch.zeros_like(gates[0, :, : recurrent.shape[1]])
    hidden: Tensor = scan(step, start, gates, dim=0)[1]
    return hidden
