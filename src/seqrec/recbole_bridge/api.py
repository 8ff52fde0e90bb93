"""What the pipelines call: train a model, rank the held-out items."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd
import torch
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.utils import init_seed

from seqrec import columns as c
from seqrec.datasets.atomic_files import AtomicFiles
from seqrec.errors import ProjectError
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import ModelParameters, Runtime, Training
from seqrec.recbole_bridge.config import build_config
from seqrec.recbole_bridge.datasets import HistoryDataset
from seqrec.recbole_bridge.loaders import Loaders, build_loaders
from seqrec.recbole_bridge.masking import HistoryMask
from seqrec.recbole_bridge.recommenders import RECOMMENDERS
from seqrec.recbole_bridge.scoring import full_sort_scores, target_ranks
from seqrec.recbole_bridge.trainer import BridgeTrainer


def train(
    name: str, files: AtomicFiles, model: ModelParameters, training: Training, runtime: Runtime
) -> tuple[ModelArtifact, pd.DataFrame]:
    """Train a model to its early stop.

    Args:
        name: Key of `RECOMMENDERS`.
        files: The atomic files.
        model: The network's parameters.
        training: How to train.
        runtime: The machine.

    Returns:
        The best weights with their configuration, and a row per epoch.

    Raises:
        FloatingPointError: A loss, gradient or score is NaN or infinite.
    """
    config = build_config(name, RECOMMENDERS[name], files, model, training, runtime)
    init_seed(config["seed"], config["reproducibility"])
    loaders = build_loaders(config, files)
    valid = _loader(loaders.valid, config["valid_query_time"])
    init_seed(config["seed"], config["reproducibility"])
    recommender = RECOMMENDERS[name](config, loaders.dataset).to(config["device"])
    trainer = BridgeTrainer(config, recommender)
    trainer.fit(loaders.train, valid)
    record = {
        "name": name,
        "model": model.model_dump(mode="json"),
        "training": training.model_dump(mode="json"),
        "ids": _fingerprint(loaders),
        "torch": torch.__version__,
    }
    return ModelArtifact(recommender.state_dict(), record), pd.DataFrame(trainer.history)


def rank(artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime) -> pd.DataFrame:
    """Rank every user's test item under each protocol.

    Args:
        artifact: A trained model.
        files: The atomic files it was trained on.
        runtime: The machine.

    Returns:
        user_id, item_id, mask, query_time, rank, n_candidates; a row per user and protocol.

    Raises:
        ProjectError: The model was trained on other users or items.
    """
    recommender, loaders = load_recommender(artifact, files, runtime)
    tables = [
        _rank_at(recommender, loaders, query_time).assign(**{c.QUERY_TIME: query_time})
        for query_time in (c.QUERY_TIMES if recommender.uses_time else c.QUERY_TIMES[:1])
    ]
    if not recommender.uses_time:  # the same list whatever the time
        tables += [tables[0].assign(**{c.QUERY_TIME: other}) for other in c.QUERY_TIMES[1:]]
    wanted = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    return pd.concat(tables, ignore_index=True)[wanted]


def load_recommender(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime
) -> tuple[Any, Loaders]:
    """Rebuild a trained model and the loaders of the data it was trained on."""
    name = artifact.config["name"]
    recommender_class = RECOMMENDERS[name]
    model = recommender_class.parameters_type.model_validate(artifact.config["model"])
    training = Training.model_validate(artifact.config["training"])
    config = build_config(name, recommender_class, files, model, training, runtime)
    loaders = build_loaders(config, files)
    if _fingerprint(loaders) != artifact.config["ids"]:
        raise ProjectError(
            f"{name}.weights was trained on other users or items than {files.dataset}: "
            f"train it again (kedro run --pipeline train_{name})"
        )
    recommender = recommender_class(config, loaders.dataset)
    recommender.load_state_dict(artifact.weights)
    return recommender.to(config["device"]).eval(), loaders


@torch.inference_mode()
def _rank_at(recommender: Any, loaders: Loaders, query_time: str) -> pd.DataFrame:
    dataset = loaders.dataset
    mask = HistoryMask(dataset.histories, c.TEST, dataset.user_num)
    parts = []
    for interaction, _, _, target in _loader(loaders.test, query_time):
        batch, targets = interaction.to(recommender.device), target.to(recommender.device)
        scores = full_sort_scores(recommender, batch, dataset.item_num)
        for name in c.MASKS:
            shown = mask.apply(scores, batch[c.USER], targets) if name == c.MASKED else scores
            ranks, candidates = target_ranks(shown, targets)
            columns = {
                c.USER: dataset.id2token(c.USER, interaction[c.USER]),
                c.ITEM: dataset.id2token(c.ITEM, target),
                c.MASK: name,
                c.RANK: ranks.cpu().numpy(),
                c.CANDIDATES: candidates.cpu().numpy(),
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _loader(loader: FullSortEvalDataLoader, query_time: str) -> FullSortEvalDataLoader:
    """Return the loader with the last interval following `query_time`."""
    dataset = loader._dataset
    if not isinstance(dataset, HistoryDataset):
        return loader
    return FullSortEvalDataLoader(
        loader.config, dataset.with_query_time(query_time), loader._sampler
    )


def _fingerprint(loaders: Loaders) -> str:
    """Hash the id maps: weights are rows of embeddings, and rows are ids."""
    digest = hashlib.sha256()
    for field in (c.USER, c.ITEM):
        digest.update("\n".join(loaders.dataset.field2id_token[field].astype(str)).encode())
    return digest.hexdigest()
