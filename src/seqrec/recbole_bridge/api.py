"""What the pipelines call: train a model, rank the held-out items."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from recbole.utils import init_seed
from torch import Tensor

from seqrec.errors import ProjectError
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import ModelParameters, Runtime, Training
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.scoring import full_sort_scores, target_ranks
from seqrec.recbole_bridge.config import build_config, resolve_device
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.loaders import Loaders, build_loaders
from seqrec.recbole_bridge.recommenders import RECOMMENDERS
from seqrec.recbole_bridge.trainer import BridgeTrainer
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.processes import Ranks, connect

logger = logging.getLogger(__name__)


def train(
    name: str,
    files: AtomicFiles,
    model: ModelParameters,
    training: Training,
    runtime: Runtime,
    store: CheckpointStore | None = None,
    resume: bool = False,
    on_epoch: Callable[[int, float], None] | None = None,
) -> tuple[ModelArtifact, pd.DataFrame]:
    """Train a model to its early stop.

    Args:
        name: Key of `RECOMMENDERS`.
        files: The atomic files.
        model: The network's parameters.
        training: How to train.
        runtime: The machine.
        store: Where checkpoints are kept; None for nowhere.
        resume: Go on from the newest checkpoint, if there is one.
        on_epoch: Called with each epoch and its validation score.

    Returns:
        The best weights with their configuration, and a row per epoch.

    Raises:
        FloatingPointError: A loss, gradient or score is NaN or infinite.
        ProjectError: The checkpoint to resume is of another experiment.
        RunInterruptedError: A signal came; a checkpoint was written.
    """
    config = build_config(name, RECOMMENDERS[name], files, model, training, runtime)
    ranks = connect(config["device"])
    init_seed(config["seed"], config["reproducibility"])
    loaders = build_loaders(config, files, ranks)
    record = {
        "name": name,
        "model": model.model_dump(mode="json"),
        "training": training.model_dump(mode="json"),
        "ids": _fingerprint(loaders),
    }
    recommender = RECOMMENDERS[name](config, loaders.dataset).to(config["device"])
    if ranks.rank:  # the same weights, but dropout and negatives of its own
        torch.manual_seed(config["seed"] + ranks.rank)
    trainer = BridgeTrainer(config, recommender, ranks, store, record)
    _begin(trainer, resume)
    trainer.fit(loaders.train, loaders.valid.at(config["valid_query_time"]), on_epoch)
    history = pd.DataFrame(trainer.history)
    return ModelArtifact(recommender.state_dict(), {**record, "torch": torch.__version__}), history


def _begin(trainer: BridgeTrainer, resume: bool) -> None:
    """Go on from a checkpoint, or put the checkpoints of an earlier training aside."""
    store, name = trainer.store, trainer.config["name"]
    if store is None or (resume and trainer.resume()) or not trainer.ranks.writes:
        return
    if resume:
        logger.warning("%s has no checkpoint to go on from: it starts anew", name)
    aside = store.set_aside()
    if aside:
        logger.warning(
            "%s starts anew; the checkpoints of an earlier, unfinished training are now in %s "
            "(--params resume=true would have gone on from them)",
            name, aside,
        )  # fmt: skip


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
    ranks = connect(resolve_device(runtime.device))
    recommender, loaders = load_recommender(artifact, files, runtime, ranks)
    tables = [
        _rank_at(recommender, loaders, query_time, ranks).assign(**{c.QUERY_TIME: query_time})
        for query_time in (c.QUERY_TIMES if recommender.uses_time else c.QUERY_TIMES[:1])
    ]
    if not recommender.uses_time:  # the same list whatever the time
        tables += [tables[0].assign(**{c.QUERY_TIME: other}) for other in c.QUERY_TIMES[1:]]
    wanted = [c.USER, c.ITEM, c.MASK, c.QUERY_TIME, c.RANK, c.CANDIDATES]
    return pd.concat(tables, ignore_index=True)[wanted]


def load_recommender(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime, ranks: Ranks | None = None
) -> tuple[Any, Loaders]:
    """Rebuild a trained model and the loaders of the data it was trained on."""
    name = artifact.config["name"]
    recommender_class = RECOMMENDERS[name]
    model = recommender_class.parameters_type.model_validate(artifact.config["model"])
    training = Training.model_validate(artifact.config["training"])
    config = build_config(name, recommender_class, files, model, training, runtime)
    loaders = build_loaders(config, files, ranks)
    if _fingerprint(loaders) != artifact.config["ids"]:
        raise ProjectError(
            f"{name}.weights was trained on other users or items than {files.dataset}: "
            f"train it again (kedro run --pipeline train_{name})"
        )
    recommender = recommender_class(config, loaders.dataset)
    recommender.load_state_dict(artifact.weights)
    return recommender.to(config["device"]).eval(), loaders


@torch.inference_mode()
def _rank_at(recommender: Any, loaders: Loaders, query_time: str, ranks: Ranks) -> pd.DataFrame:
    """Rank this process's users, and gather those of the others."""
    dataset = loaders.dataset
    mask = HistoryMask(dataset.histories, c.TEST, dataset.user_num, recommender.device)
    parts: dict[str, list[Tensor]] = {name: [] for name in c.MASKS}
    for batch, _, _, targets in loaders.test.at(query_time):
        scores = full_sort_scores(recommender, batch, dataset.item_num)
        for name in c.MASKS:
            shown = mask.apply(scores, batch[c.USER], targets) if name == c.MASKED else scores
            columns = (batch[c.USER], targets, *target_ranks(shown, targets))
            parts[name].append(torch.stack([x.double() for x in columns], dim=1))
    tables = [
        _rank_table(dataset, ranks.gather(torch.cat(rows))).assign(**{c.MASK: name})
        for name, rows in parts.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _rank_table(dataset: InteractionDataset, rows: Tensor) -> pd.DataFrame:
    """Name the columns of (user, item, rank, candidates), (U, 4)."""
    users, items, rank, candidates = rows.cpu().unbind(1)
    return pd.DataFrame(
        {
            c.USER: dataset.id2token(c.USER, users.long()),
            c.ITEM: dataset.id2token(c.ITEM, items.long()),
            c.RANK: rank.numpy(),
            c.CANDIDATES: candidates.long().numpy(),
        }
    )


def _fingerprint(loaders: Loaders) -> str:
    """Hash the id maps: weights are rows of embeddings, and rows are ids."""
    digest = hashlib.sha256()
    for field in (c.USER, c.ITEM):
        digest.update("\n".join(loaders.dataset.field2id_token[field].astype(str)).encode())
    return digest.hexdigest()
