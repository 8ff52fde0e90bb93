"""Lists for users from a trained model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Recommend, Runtime
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import full_sort_scores
from seqrec.recbole_bridge.api import load_recommender
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.held_out import CompleteLoader
from seqrec.recbole_bridge.loaders import Loaders
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles

HOUR = 3600


def recommend(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime, options: Recommend
) -> pd.DataFrame:
    """List the k best items that a user has not seen, for each moment.

    Args:
        artifact: A trained model.
        files: The atomic files it was trained on; the whole histories are read.
        runtime: The machine.
        options: How many, for whom, when.

    Returns:
        user_id, moment, place (from 1), item_id, score.

    Raises:
        ProjectError: A user is not in the data, or the model was trained on other data.
    """
    recommender, loaders = load_recommender(artifact, files, runtime)
    users = _ids_of(loaders.dataset, options.users)
    tables = [
        _lists(recommender, loaders, users, hours * HOUR, options.k).assign(moment=moment)
        for moment, hours in options.moments.items()
    ]
    wanted = [c.USER, c.MOMENT, c.PLACE, c.ITEM, c.SCORE]
    return pd.concat(tables, ignore_index=True)[wanted]


def _ids_of(dataset: InteractionDataset, names: tuple[str, ...] | None) -> NDArray[np.int32]:
    if names is None:
        return np.arange(1, dataset.user_num, dtype=np.int32)
    known = dataset.field2token_id[c.USER]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ProjectError(
            f"recommend.users: user {unknown[0]!r} is not in {dataset.dataset_name} "
            f"({len(unknown)} of {len(names)} are not)"
        )
    return np.array([known[name] for name in names], dtype=np.int32)


@torch.inference_mode()
def _lists(
    recommender: Any, loaders: Loaders, users: NDArray[np.int32], seconds: float, k: int
) -> pd.DataFrame:
    """Take the best of each user's scores, a batch of users at a time."""
    dataset = loaders.dataset
    mask = HistoryMask(dataset.histories, None, dataset.user_num, recommender.device)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch, _, _, none in CompleteLoader(loaders.test, users, seconds):
        scores = full_sort_scores(recommender, batch, dataset.item_num)
        best = mask.apply(scores, batch[c.USER], none).topk(min(k, dataset.item_num - 1))
        parts.append((batch[c.USER].cpu(), best.indices.cpu(), best.values.cpu()))
    owners, items, values = (torch.cat(column) for column in zip(*parts, strict=True))
    width = items.shape[1]
    table = pd.DataFrame(
        {
            c.USER: dataset.id2token(c.USER, owners.repeat_interleave(width)),
            c.PLACE: np.tile(np.arange(1, width + 1), len(owners)),
            c.ITEM: dataset.id2token(c.ITEM, items.flatten()),
            c.SCORE: values.flatten().numpy(),
        }
    )
    # Who has seen nearly all items has a shorter list.
    return table.drop(index=np.flatnonzero(~np.isfinite(table[c.SCORE].to_numpy())).tolist())
