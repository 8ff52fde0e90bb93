"""One SS4Rec block: time-aware S5, then relation-aware Mamba."""

from __future__ import annotations

from torch import Tensor, nn

from seqrec.models.mamba import Mamba, MambaState
from seqrec.models.s5 import S5
from seqrec.ops.backend import Backend
from seqrec.ops.packing import Packing
from seqrec.parameters import SS4RecModel

BlockState = tuple[Tensor | None, MambaState | None]
"""State of S5 and of Mamba; None for the half that a block does without."""


class SS4RecBlock(nn.Module):
    """h = LN(drop(S5(x, Δ)) + x), then LN(drop(Mamba(h)) + h).

    Args:
        model: Sizes; `parts` leaves one half out; `shared_norm` makes both LayerNorms one, as in
            the authors' code.
        backend: Which implementation runs the recurrences.

    Paper: SS4Rec (arXiv 2502.08132), hybrid SSM layer.
    """

    def __init__(self, model: SS4RecModel, backend: Backend) -> None:
        super().__init__()
        size = model.hidden_size
        self.dropout = model.dropout
        self.backend = backend
        self.parts = model.parts
        if model.parts != "mamba":
            self.time_aware = S5(size, model.d_state, model.dt_min, model.dt_max, backend)
            self.time_norm = nn.LayerNorm(size, eps=1e-12)
        if model.parts != "s5":
            self.relation_aware = Mamba(size, model.d_state, model.d_conv, model.expand, backend)
            shared = model.shared_norm and model.parts == "both"
            own = nn.LayerNorm(size, eps=1e-12)
            self.relation_norm = self.time_norm if shared else own

    def forward(
        self,
        x: Tensor,
        interval: Tensor,
        state: BlockState | None = None,
        packing: Packing | None = None,
    ) -> tuple[Tensor, BlockState]:
        """Mix along the history.

        Args:
            x:        Input,                                    (B, L, D).
            interval: Scaled time until the next event,         (B, L).
            state:    What an earlier call returned, to continue from.
            packing:  Layout of packed input, (T, D) and (T,); None for dense input.

        Returns:
            Output, (B, L, D), and the state to continue from.
        """
        time_state, relation_state = state or (None, None)
        if self.parts != "mamba":
            mixed, time_state = self.time_aware(x, interval, time_state, packing)
            x = self._normalise(self.time_norm, mixed, x)
        if self.parts != "s5":
            mixed, relation_state = self.relation_aware(x, relation_state, packing)
            x = self._normalise(self.relation_norm, mixed, x)
        return x, (time_state, relation_state)

    def _normalise(self, norm: nn.LayerNorm, mixed: Tensor, x: Tensor) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        return self.backend.residual_norm(mixed, x, norm.weight, norm.bias, norm.eps, dropout)
