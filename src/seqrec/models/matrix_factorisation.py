"""Matrix factorisation, for weights that were learned with BPR."""

from __future__ import annotations

from torch import Tensor, nn

from seqrec.parameters.models import BPRMFModel


class MatrixFactorisation(nn.Module):
    """Scores are products of user and item embeddings.

    Args:
        model: Sizes.
        n_users: Rows of the user embedding.
        n_items: Rows of the item embedding.
    """

    def __init__(self, model: BPRMFModel, n_users: int, n_items: int) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(n_users, model.hidden_size)
        self.item_embedding = nn.Embedding(n_items, model.hidden_size)

    def score(self, users: Tensor) -> Tensor:
        """Score every item for each user.

        Args:
            users: User ids, (B,).

        Returns:
            Scores, (B, n_items).
        """
        scores: Tensor = self.user_embedding(users) @ self.item_embedding.weight.T
        return scores
