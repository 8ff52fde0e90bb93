"""Cross-entropy of dot products with every item's embedding."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from seqrec.ops.seen import Seen

NO_TARGET = 0
"""Target of a position that is not learned: the id of padding."""


class CrossEntropy(Protocol):
    """What every implementation of the op computes."""

    def __call__(
        self, hidden: Tensor, items: Tensor, targets: Tensor, seen: Seen | None = None
    ) -> Tensor:
        """Compute the mean over learned positions of −log softmax(hidden · itemsᵀ)[target].

        Args:
            hidden:  Hidden states,                        (T, D).
            items:   Item embeddings,                      (V, D).
            targets: Item to predict, 0 for none,          (T,).
            seen:    The histories of the positions: each leaves the items of its own so far out
                of the softmax, the target excepted. None leaves out none.

        Returns:
            Scalar; 0 if no position is learned.
        """
        ...
