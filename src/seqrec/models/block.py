"""One SS4Rec block: time-aware S5, then relation-aware Mamba."""

from __future__ import annotations

from torch import Tensor, nn

from seqrec.models.mamba import Mamba
from seqrec.models.s5 import S5
from seqrec.parameters import SS4RecModel


class SS4RecBlock(nn.Module):
    """h = LN(drop(S5(x, Δ)) + x), then LN(drop(Mamba(h)) + h).

    Args:
        model: Sizes; `shared_norm` makes both LayerNorms one, as in the authors' code.

    Paper: SS4Rec (arXiv 2502.08132), hybrid SSM layer.
    """

    def __init__(self, model: SS4RecModel) -> None:
        super().__init__()
        self.time_aware = S5(model.hidden_size, model.d_state, model.dt_min, model.dt_max)
        self.relation_aware = Mamba(model.hidden_size, model.d_state, model.d_conv, model.expand)
        self.time_norm = nn.LayerNorm(model.hidden_size, eps=1e-12)
        self.relation_norm = (
            self.time_norm if model.shared_norm else nn.LayerNorm(model.hidden_size, eps=1e-12)
        )
        self.dropout = nn.Dropout(model.dropout)

    def forward(self, x: Tensor, interval: Tensor) -> Tensor:
        """Mix along the history.

        Args:
            x:        Input,                          (B, L, D).
            interval: Seconds until the next event,   (B, L).

        Returns:
            Output, (B, L, D).
        """
        mixed, _ = self.time_aware(x, interval)
        h = self.time_norm(self.dropout(mixed) + x)
        output: Tensor = self.relation_norm(self.dropout(self.relation_aware(h)) + h)
        return output
