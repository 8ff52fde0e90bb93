"""HSTU's encoder: attention without softmax, biased by distance and by time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.ops.backend import Backend
from seqrec.ops.packing import Packing
from seqrec.parameters.models import HSTUModel

PADDING = 0
EPS = 1e-6
"""Of every LayerNorm, as in the authors' code. Attention is divided by `max_length`, so its
variance is of this order while a history is short: another value is another model."""
BUCKETS = 128
"""Largest bucket of time; 85 years lie in bucket 72."""
BUCKET_WIDTH = 0.301
"""Width of a bucket in the natural logarithm of seconds."""


class HSTUEncoder(nn.Module):
    """Item embeddings, a stack of layers, a LayerNorm.

    No position embedding: order and time are in the biases of attention. The authors' code adds
    one, which knows nothing of positions that no training history reaches.

    The authors normalise the output and the item embeddings to length 1 and divide their product
    by a temperature. Here scores are plain dot products, as those of all networks: the output has
    the other normalisation that their code offers, LayerNorm.

    Args:
        model: Sizes.
        n_items: Rows of the embedding, padding included.
        backend: Implementation of the ops; this network uses none of them.

    Paper: HSTU (arXiv 2402.17152), section 3, as configured for section 4.1.1.
    """

    def __init__(self, model: HSTUModel, n_items: int, backend: Backend) -> None:
        super().__init__()
        size = model.hidden_size
        self.item_embedding = nn.Embedding(n_items, size, padding_idx=PADDING)
        self.dropout = nn.Dropout(model.dropout)
        self.layers = nn.ModuleList(HSTULayer(model) for _ in range(model.n_layers))
        self.norm = nn.LayerNorm(size, eps=EPS, elementwise_affine=False)
        nn.init.normal_(self.item_embedding.weight, std=0.02)
        with torch.no_grad():
            self.item_embedding.weight[PADDING].zero_()

    def forward(self, items: Tensor, intervals: Tensor, packing: Packing | None = None) -> Tensor:
        """Encode histories.

        Args:
            items:     Item ids, 0 is padding on the right,  (B, L).
            intervals: Seconds from each event to the next,  (B, L).
            packing:   None, because the entry does not say `packs_histories`.

        Returns:
            Hidden states, (B, L, D).
        """
        embedded = self.item_embedding(items)
        hidden: Tensor = self.dropout(embedded * embedded.shape[-1] ** 0.5)
        buckets = time_buckets(intervals)
        for layer in self.layers:
            hidden = layer(hidden, buckets)
        normed: Tensor = self.norm(hidden)
        return normed


class HSTULayer(nn.Module):
    """Y = X + f₂(Norm(A V) ⊙ U), with U, V, Q, K = SiLU(f₁(Norm(X))), A = SiLU(Q Kᵀ + rab) / N.

    A is causal and its rows have no sum to keep: how much of a kind a history has is not
    normalised away. N is `max_length`, whatever a history's own length.

    Args:
        model: Sizes.

    Paper: HSTU (arXiv 2402.17152), eqs. 1 to 3; N and the dropout as in the authors' code.
    """

    def __init__(self, model: HSTUModel) -> None:
        super().__init__()
        size = model.hidden_size
        self.n_heads = model.n_heads
        self.max_length = model.max_length
        self.input_norm = nn.LayerNorm(size, eps=EPS, elementwise_affine=False)
        self.uvqk = nn.Linear(size, 4 * size, bias=False)
        self.bias = RelativeBias(model.max_length)
        self.attention_norm = nn.LayerNorm(size, eps=EPS, elementwise_affine=False)
        self.dropout = nn.Dropout(model.dropout)
        self.output = nn.Linear(size, size)
        nn.init.normal_(self.uvqk.weight, std=0.02)
        nn.init.xavier_uniform_(self.output.weight)

    def forward(self, x: Tensor, buckets: Tensor) -> Tensor:
        """Mix along the history.

        Args:
            x:       Input,                 (B, L, D).
            buckets: From `time_buckets`,   (B, L, L).

        Returns:
            Output, (B, L, D).
        """
        projected = F.silu(self.uvqk(self.input_norm(x)))
        size = x.shape[-1]
        mixed = self._attend(projected[..., size:], self.bias(buckets))
        gated = projected[..., :size] * self.attention_norm(mixed)
        added: Tensor = x + self.output(self.dropout(gated))
        return added

    def _attend(self, value_query_key: Tensor, bias: Tensor) -> Tensor:
        """Return A V, (B, L, D), from V, Q and K side by side, (B, L, 3D), and rab, (B, L, L)."""
        batch, length, _ = value_query_key.shape
        by_head = value_query_key.view(batch, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        scores = by_head[1] @ by_head[2].mT + bias[:, None]
        weights = F.silu(scores).tril() / self.max_length
        return (weights @ by_head[0]).transpose(1, 2).flatten(2)


class RelativeBias(nn.Module):
    """rab[k, j] = a weight of the distance k − j, plus one of the time from event j to the query.

    Args:
        max_length: Longest history.

    Paper: HSTU (arXiv 2402.17152), rab^{p,t} of eq. 2; buckets as in the authors' code.
    """

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.empty(max_length))
        self.time = nn.Parameter(torch.empty(BUCKETS + 1))
        nn.init.normal_(self.position, std=0.02)
        nn.init.normal_(self.time, std=0.02)

    def forward(self, buckets: Tensor) -> Tensor:
        """Look both weights up; what lies above the diagonal is not to be used.

        Args:
            buckets: From `time_buckets`, (B, L, L).

        Returns:
            Bias, (B, L, L).
        """
        step = torch.arange(buckets.shape[-1], device=buckets.device)
        distance = (step[:, None] - step).clamp(min=0)
        # As an embedding of width 1 its gradient is summed without atomics on a GPU.
        of_time = F.embedding(buckets, self.time[:, None]).squeeze(-1)
        return self.position[distance] + of_time


def time_buckets(intervals: Tensor) -> Tensor:
    """Put the time from event j to event k + 1, the one that position k is asked for, in buckets.

    For the last position event k + 1 is the query. Sums and differences are taken in double
    precision, where whole seconds are exact: in float32 a long gap would swallow the short ones
    after it.

    Args:
        intervals: Seconds from each event to the next, (B, L).

    Returns:
        ⌊ln(max(t_{k+1} − t_j, 1)) / 0.301⌋, at most `BUCKETS`, int32, (B, L, L); k counts rows, j
        columns. Above the diagonal it means nothing.

    Paper: HSTU (arXiv 2402.17152), as in the authors' code.
    """
    exact = intervals.double()
    after = exact.cumsum(-1)  # t_{k+1} − t_0
    before = after - exact  # t_j − t_0
    seconds = after[..., :, None] - before[..., None, :]
    buckets = (seconds.clamp(min=1).log() / BUCKET_WIDTH).int()
    return buckets.clamp(max=BUCKETS)
