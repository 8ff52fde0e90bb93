"""What the pipelines call: train a model, rank the held-out items, list the best ones."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from numpy.typing import NDArray
from recbole.utils import init_seed
from torch import nn

from seqrec.errors import ProjectError
from seqrec.histories.feed import Feed, make_feed
from seqrec.histories.held_out import HeldOutLoader
from seqrec.histories.loaders import make_train_loader
from seqrec.model_registry import MODELS
from seqrec.model_registry import load as import_path
from seqrec.models.artifact import ModelArtifact
from seqrec.models.context import UNKNOWN_TIME
from seqrec.parameters import Recommend, Runtime, Training
from seqrec.parameters.base import Resume
from seqrec.parameters.training import EARLIER_MEANING
from seqrec.ranking.everyone import as_table, list_in_parts
from seqrec.ranking.held_out import rank_held_out
from seqrec.ranking.lists import list_best_items, loaders_by_moment
from seqrec.ranking.masking import HistoryMask
from seqrec.ranking.progress import follow
from seqrec.recbole_bridge.config import BridgeConfig, build_config
from seqrec.recbole_bridge.dataset import InteractionDataset
from seqrec.recbole_bridge.loaders import RecBoleHeldOutLoader
from seqrec.recbole_bridge.next_item import NextItem
from seqrec.recbole_bridge.trainer import BridgeTrainer
from seqrec.recbole_bridge.warm_start import take_over
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.facts import FACTS, FOR_USE, LISTS, WARM_START
from seqrec.tables.list_parts import ListParts
from seqrec.training.callbacks import Callback
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes, connect
from seqrec.training.resume import begin, only_training, store_of
from seqrec.training.sharded_items import (
    own_weights,
    shard_items,
    sharded_parameters,
    whole_weights,
)
from seqrec.training.start import ANEW, Start
from seqrec.training.state import TrainingState

logger = logging.getLogger(__name__)

ROWS = 1_000_000
"""Rows of a part of everyone's lists, about."""


@dataclass(frozen=True)
class Assembly:
    """A recommender and the data it was built for.

    Attributes:
        config: RecBole's.
        dataset: RecBole's.
        recommender: On the experiment's device.
        feed: What loaders cut batches from.
    """

    config: BridgeConfig
    dataset: InteractionDataset
    recommender: Any
    feed: Feed


def train(
    experiment: Experiment,
    files: AtomicFiles,
    store: CheckpointStore | None = None,
    resume: Resume = False,
    callback: Callback = lambda _: None,
    start: Start = ANEW,
) -> tuple[ModelArtifact, pd.DataFrame]:
    """Train a model to its early stop, or for as many epochs as `start` says.

    Args:
        experiment: What is trained, how, and where.
        files: The atomic files.
        store: Where checkpoints are kept; None for nowhere.
        resume: Whether to resume from the newest checkpoint: True if there is one, ``auto`` if it
            is of this experiment.
        callback: Called after each epoch.
        start: What is known before: whether nothing is held out, and whose weights are taken over.

    Returns:
        The best weights with their configuration, and a row per epoch.

    Raises:
        FloatingPointError: A loss, gradient or score is NaN or infinite.
        ProjectError: The checkpoint to resume is of another experiment.
        RunInterruptedError: A signal came; a checkpoint was written.
    """
    processes = connect(experiment.device)
    asked = experiment
    training = asked.training.scaled(processes.count)
    experiment = replace(asked, training=training)
    init_seed(training.seed, True)
    parts = assemble(experiment, files, processes)
    if processes.index:  # the same weights, but dropout and negatives of its own
        torch.manual_seed(training.seed + processes.index)
    origin = _begin_with(parts, start)
    identity = {"ids": fingerprint(parts.dataset), "data": files.fingerprint, **start.identity()}
    record = {**asked.record(), **identity}
    if training is not asked.training:  # another number of processes is another experiment
        record["processes"] = processes.count
    until = start.for_use.epochs if start.for_use else None
    state = TrainingState(parts.recommender, training, record, processes, until)
    own = store_of(store, state) if store else None
    trainer = BridgeTrainer(parts.config, parts.recommender, experiment, state, own)
    held_out = None
    if start.for_use is None:
        valid = HeldOutLoader(parts.feed, c.VALID, training.valid_query_time)
        held_out = RecBoleHeldOutLoader(parts.dataset, valid)
    with _resumed(state, store, resume, experiment.name):
        trainer.fit(make_train_loader(parts.feed), held_out, callback)
    config = {**record, **origin, "best_score": _best_score(state), "torch": torch.__version__}
    training_log = pd.DataFrame(state.training_log)
    training_log.attrs[FACTS] = facts_of(config)
    users = None if MODELS[experiment.name].uses_history else files.users()
    weights = whole_weights(parts.recommender, parts.recommender.state_dict())
    artifact = ModelArtifact(weights, config, files.items(), users)
    return artifact, training_log


def _begin_with(parts: Assembly, start: Start) -> dict[str, Any]:
    """Take over the weights that a training goes on from.

    Returns:
        What the trained model's configuration says of its beginning.

    Raises:
        ProjectError: They cannot be taken over, or are asked for where there are none.
    """
    experiment = parts.feed.experiment
    wanted = experiment.training.warm_start
    if wanted and start.before is None:
        raise ProjectError(
            f"{experiment.name}.training.warm_start={wanted}: only "
            f"train_{experiment.name} goes on from a version; leave it out"
        )
    if start.before and sharded_parameters(parts.recommender):
        raise ProjectError(
            f"{experiment.name}.training.warm_start={wanted} takes over whole embeddings: leave "
            "runtime.shard_items off"
        )
    origin: dict[str, Any] = {FOR_USE: asdict(start.for_use)} if start.for_use else {}
    if start.before:
        rows = take_over(parts.recommender, parts.dataset, start.before, experiment.name)
        origin[WARM_START] = {"version": start.before.version, **rows}
    return origin


def _best_score(state: TrainingState) -> float | None:
    """Return the best validation's metric; None if nothing was validated."""
    return state.best_score if np.isfinite(state.best_score) else None


@contextmanager
def _resumed(
    state: TrainingState, store: CheckpointStore | None, resume: Resume, name: str
) -> Iterator[None]:
    """Begin a training where it was interrupted; it alone has its checkpoints in the block."""
    if store is None:
        yield
        return
    with only_training(store, state, name):
        begin(state, store, resume, name)
        yield


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
    parts = load(artifact, files, runtime)
    loader = HeldOutLoader(parts.feed, c.TEST, c.KNOWN)
    tokens = parts.dataset.field2id_token
    uses_time = MODELS[parts.feed.experiment.name].uses_time
    with parts.feed.processes.together():
        ranks = rank_held_out(parts.recommender, loader, uses_time, tokens)
    ranks.attrs[FACTS] = facts_of(artifact.config)
    return ranks


def recommend(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime, options: Recommend
) -> pd.DataFrame:
    """List a user's k best items for each moment, without those seen unless they are wanted.

    Args:
        artifact: A trained model.
        files: The atomic files it was trained on; the whole histories are read.
        runtime: The machine.
        options: How many, for whom, when, and whether items that a user has seen are left out.

    Returns:
        user_id, moment, place (from 1), item_id, score. `attrs` say what it was made from, and
        under ``lists`` for how many users and how.

    Raises:
        ProjectError: A user is not in the data, or the model was trained on other data.
    """
    parts = load(artifact, files, runtime)
    users = ids_of(parts.dataset, options.users)
    tokens = parts.dataset.field2id_token
    loaders = loaders_by_moment(parts.feed, users, options)
    lists = list_best_items(parts.recommender, loaders, options, tokens)
    how = {"users": len(users), "k": options.k, "exclude_seen": options.exclude_seen}
    lists.attrs[FACTS] = {**facts_of(artifact.config), LISTS: how}
    return lists


def list_for_everyone(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime, options: Recommend
) -> ListParts:
    """List every user's k best items for each moment, some users at a time.

    The lists are those of `recommend`; neither they nor the scores are ever held together.

    Args:
        artifact: A trained model.
        files: The atomic files it was trained on; the whole histories are read.
        runtime: The machine.
        options: As for `recommend`.

    Returns:
        Tables of user_id, moment, place (from 1), item_id and score, made as they are asked for.

    Raises:
        ProjectError: A user is not in the data, or the model was trained on other data.
    """
    parts = load(artifact, files, runtime)
    users = ids_of(parts.dataset, options.users)
    how = {"users": len(users), "k": options.k, "exclude_seen": options.exclude_seen}
    return ListParts(
        lambda: _tables_of(parts, users, options), {**facts_of(artifact.config), LISTS: how}
    )


def _tables_of(
    parts: Assembly, users: NDArray[np.int32], options: Recommend
) -> Iterator[pa.Table]:
    """Make the tables of everyone's lists, a moment after the other."""
    feed = parts.feed
    mask = None
    if options.exclude_seen:
        mask = HistoryMask(feed.histories, None, feed.n_users, feed.device)
    for moment, loader in loaders_by_moment(feed, users, options).items():
        lists = list_in_parts(
            parts.recommender, loader, mask, options.k, max(1, ROWS // options.k)
        )
        name = f"{feed.experiment.name} ({moment})"
        for part in follow(lists, name, len(users), feed.experiment.runtime.shows_bars):
            yield as_table(part, moment, parts.dataset.field2id_token)


def assemble(experiment: Experiment, files: AtomicFiles, processes: Processes) -> Assembly:
    """Read the interactions and build the recommender for them.

    Args:
        experiment: What is trained, how, and where.
        files: The atomic files.
        processes: The processes that share the work.
    """
    spec = MODELS[experiment.name]
    recommender_class = import_path(spec.recommender)
    config = build_config(recommender_class, files, experiment)
    dataset = InteractionDataset(config, spec.features)
    recommender = recommender_class(config, dataset, experiment)
    if experiment.runtime.shard_items:
        _shard_items(recommender, experiment, processes)
    recommender = recommender.to(experiment.device)
    feed = make_feed(
        dataset.histories,
        dataset.user_num,
        dataset.item_num,
        experiment,
        processes,
        recommender.packs_histories,
        UNKNOWN_TIME if spec.tells_unknown else None,
    )
    return Assembly(config, dataset, recommender, feed)


def _shard_items(recommender: nn.Module, experiment: Experiment, processes: Processes) -> None:
    """Share the item embedding out, if there are several processes.

    Raises:
        ProjectError: The model scores by something else than dot products with it.
    """
    if not isinstance(recommender, NextItem):
        raise ProjectError(
            f"runtime.shard_items shares out the item embedding of models that read histories, "
            f"and {experiment.name} reads none: leave it off"
        )
    if processes.count > 1:
        shard_items(recommender, recommender.item_embedding, processes, experiment.device)


def load(artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime) -> Assembly:
    """Rebuild a trained model and the data it was trained on.

    Raises:
        ProjectError: The model was trained on other users or items, or on items that are held
            out now.
    """
    name = artifact.config["name"]
    model = MODELS[name].parameters.model_validate(artifact.config["model"])
    training = Training.model_validate({**EARLIER_MEANING, **artifact.config["training"]})
    experiment = Experiment(name, model, training, runtime)
    parts = assemble(experiment, files, connect(experiment.device))
    if fingerprint(parts.dataset) != artifact.config["ids"]:
        raise ProjectError(
            f"{name}.weights was trained on other users or items than {files.dataset}: "
            f"train it again (kedro run --pipeline train_{name})"
        )
    trained_on = artifact.config.get("data")
    if trained_on and files.fingerprint and trained_on != files.fingerprint:
        raise ProjectError(
            f"{name}.weights was trained while other items of {files.dataset} were held out "
            f"(data {trained_on}, now {files.fingerprint}): train it again "
            f"(kedro run --pipeline train_{name})"
        )
    parts.recommender.load_state_dict(own_weights(parts.recommender, artifact.weights))
    parts.recommender.eval()
    return parts


def ids_of(dataset: InteractionDataset, names: tuple[str, ...] | None) -> NDArray[np.int32]:
    """Look users up; None means all of them.

    Raises:
        ProjectError: A user is not in the data.
    """
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


def facts_of(config: dict[str, Any]) -> dict[str, Any]:
    """Say what a model's tables were made from."""
    return {"experiment": experiment_of(config), "data": config.get("data")}


def experiment_of(config: dict[str, Any]) -> dict[str, Any]:
    """Take out of a model's configuration what was trained, as in `Experiment.record`."""
    return {name: config[name] for name in ("name", "model", "training")}


def fingerprint(dataset: InteractionDataset) -> str:
    """Hash the id maps: weights are rows of embeddings, and rows are ids."""
    digest = hashlib.sha256()
    for field in (c.USER, c.ITEM):
        digest.update("\n".join(dataset.field2id_token[field].astype(str)).encode())
    return digest.hexdigest()
