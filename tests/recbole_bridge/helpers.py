"""Build what trainings need, for tests."""

from dataclasses import dataclass, replace
from typing import Any

from recbole.utils import init_seed

from seqrec.histories.feed import Feed
from seqrec.histories.held_out import HeldOutLoader
from seqrec.histories.loaders import TrainLoader, make_train_loader
from seqrec.model_registry import MODELS
from seqrec.model_registry import load as load_path
from seqrec.recbole_bridge.api import Assembly, assemble, load, train
from seqrec.recbole_bridge.config import build_config
from seqrec.recbole_bridge.loaders import RecBoleHeldOutLoader
from seqrec.recbole_bridge.trainer import BridgeTrainer
from seqrec.tables import columns as c
from seqrec.training.experiment import Experiment
from seqrec.training.processes import Processes
from seqrec.training.state import TrainingState
from tests.conftest import CPU, MODEL_OF, training


@dataclass(frozen=True)
class Loaders:
    """An assembly and its three loaders."""

    parts: Assembly
    train: TrainLoader
    valid: HeldOutLoader
    test: HeldOutLoader

    @property
    def dataset(self):
        return self.parts.dataset

    @property
    def feed(self) -> Feed:
        return self.parts.feed


def recommender_class(name):
    return load_path(MODELS[name].recommender)


def experiment_of(name, model=None, runtime=CPU, **changes) -> Experiment:
    return Experiment(name, model or MODEL_OF[name](), training(name, **changes), runtime)


def train_of(name, files, model=None, runtime=CPU, **changes) -> tuple[Any, Any]:
    return train(experiment_of(name, model, runtime, **changes), files)


def config_of(name, files, model=None, **changes):
    return build_config(recommender_class(name), files, experiment_of(name, model, **changes))


def as_loaders(parts: Assembly) -> Loaders:
    held_out = (HeldOutLoader(parts.feed, split, c.KNOWN) for split in (c.VALID, c.TEST))
    return Loaders(parts, make_train_loader(parts.feed), *held_out)


def loaders_of(name, files, model=None, runtime=CPU, **changes) -> Loaders:
    init_seed(5, True)
    experiment = experiment_of(name, model, runtime, **changes)
    return as_loaders(assemble(experiment, files, Processes()))


def loaded(artifact, files, runtime=CPU) -> tuple[Any, Loaders]:
    parts = load(artifact, files, runtime)
    return parts.recommender, as_loaders(parts)


def evaluate(loaders: Loaders, split: str) -> dict[str, float]:
    """RecBole's own evaluator on a split."""
    parts = loaders.parts
    experiment = parts.feed.experiment
    state = TrainingState(parts.recommender, experiment.training, {}, parts.feed.processes)
    trainer = BridgeTrainer(parts.config, parts.recommender, experiment, state)
    return trainer.evaluate(RecBoleHeldOutLoader(parts.dataset, getattr(loaders, split)))


def whole(loader):
    """All rows of a train loader in one batch."""
    experiment = loader.feed.experiment
    at_once = experiment.training.model_copy(update={"batch_size": 10**6})
    feed = replace(loader.feed, experiment=replace(experiment, training=at_once))
    larger = type(loader)(feed)
    larger.start(0)
    ((part,),) = larger.parts(0)
    return larger.expand(part)


def only(loader):
    """All rows of a held-out loader in one batch."""
    return loader._batch(slice(None))
