"""Item-kNN: what goes together with the items of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seqrec.parameters import Baselines
from seqrec.ranking.untrained import coded, rank_targets
from seqrec.tables import columns as c

if TYPE_CHECKING:
    from scipy import sparse


def rank_by_neighbours(interactions: pd.DataFrame, baselines: Baselines) -> pd.DataFrame:
    """Rank each test item by its similarity to the items of the history (item-kNN).

    Cosine of the items' users in training, with a shrinkage term; only each item's nearest
    neighbours count.

    Args:
        interactions: With `split`.
        baselines: `neighbours`, `shrinkage`.

    Returns:
        The same table that a trained model's ranks have.

    Paper: Item-based collaborative filtering (Sarwar et al., 2001); shrinkage, arXiv 1907.06902.
    """
    # Every command imports this module, and no other needs SciPy.
    from scipy import sparse

    items, codes, train = coded(interactions)
    users = pd.factorize(interactions[c.USER])[0]
    ones = np.ones(int(train.sum()))
    seen = sparse.csr_array(
        (ones, (users[train], codes[train])), shape=(users.max() + 1, len(items))
    )
    similar = _nearest(seen, baselines)
    return rank_targets(interactions, lambda query: similar[query.history].sum(axis=0))


def _nearest(seen: sparse.csr_array, baselines: Baselines) -> sparse.csr_array:
    """Return similarities of items, (I, I), all but each row's largest set to zero."""
    together = (seen.T @ seen).tocsr()
    norms = np.sqrt(together.diagonal())
    together.setdiag(0)
    together.eliminate_zeros()
    rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
    together.data /= norms[rows] * norms[together.indices] + baselines.shrinkage
    order = np.lexsort((-together.data, rows))
    place = np.arange(len(order)) - together.indptr[rows[order]]
    together.data[order[place >= baselines.neighbours]] = 0.0
    together.eliminate_zeros()
    return together
