"""What a model is, said once: its names, its parameters, its network, how it may be trained.

Pipelines, parameter types, choices of commands, titles and colours of reports and the convention
tests are derived from `MODELS` and `RANKERS`. docs/extend/model.md goes through an entry.

Classes and functions are named by import paths, ``module:name``: a command that lists pipelines
does not wait for torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar

from seqrec.parameters import models
from seqrec.parameters.training import LossType, TrainingMode

Colour = Literal["blue", "orange", "grey", "green", "sky", "purple", "red", "yellow", "violet"]
"""A colour of `seqrec.pipelines._plots.PALETTE`."""

ENSEMBLE = "ensemble"
"""Namespace of the mean of several trainings, which is ranked like a model and is none."""
_ENSEMBLE_OF = "Ensemble of "

NEXT_ITEM = "seqrec.recbole_bridge.recommenders:NetworkRecommender"
"""The recommender around a network that turns histories into hidden states."""


@dataclass(frozen=True)
class RankerSpec:
    """A baseline that ranks without being trained.

    Attributes:
        name: Namespace of its datasets.
        title: What reports call it.
        ranker: Import path of a function from `inputs` to ranks of the held-out items.
        inputs: The datasets and parameters that the function takes.
        colour: In figures; None leaves the choice to the figure.
        compared: Whether `kedro run` ranks with it; the others are in `train_baselines`.
    """

    name: str
    title: str
    ranker: str
    inputs: tuple[str, ...] = ("interactions@pandas", "params:baselines")
    colour: Colour | None = None
    compared: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """A model that is trained.

    Attributes:
        name: Namespace of its parameters, datasets and pipelines.
        title: What reports call it; a remark may follow in brackets.
        parameters: The type of its ``model`` block.
        network: Import path of an `nn.Module`, built as ``network(parameters, n_items, backend)``,
            with ``forward(items, intervals, packing)`` for the hidden states and
            `item_embedding`; None if `recommender` brings its own.
        recommender: Import path of the RecBole recommender that trains and scores it.
        served_as: Import path of the network that takes its weights where RecBole is not imported:
            built as `network` is, or as ``(parameters, n_users, n_items)`` with ``score(users)``
            if it reads no histories; None if it is `network`.
        colour: In figures; None leaves the choice to the figure.
        features: What its network also takes of each event, by keyword: `FEATURES`.
        tells_unknown: Whether its network knows `UNKNOWN_TIME`; others are told the user's median
            gap where the query time is not known.
        uses_history: Whether it reads histories, or user-item pairs.
        uses_time: Whether intervals change its scores. If not, it is ranked once and both query
            times get that rank.
        packs_histories: Whether its network takes batches without padding.
        only_losses: The losses it can be trained with, if not all that its kind can.
        searchable: Whether there is a search for it; what is tried, its ``search`` block says.
        compared: Whether `kedro run` trains it; the others are in `train_baselines`.
    """

    name: str
    title: str
    parameters: type[models.ModelParameters]
    network: str | None = None
    recommender: str = NEXT_ITEM
    served_as: str | None = None
    colour: Colour | None = None
    features: tuple[str, ...] = ()
    tells_unknown: bool = False
    uses_history: bool = True
    uses_time: bool = False
    packs_histories: bool = False
    only_losses: tuple[LossType, ...] = ()
    searchable: bool = False
    compared: bool = False

    @property
    def short_title(self) -> str:
        """The title without its remark.

        >>> MODELS["ncf"].title, MODELS["ncf"].short_title
        ('NCF (NeuMF)', 'NCF')
        """
        return self.title.split(" (")[0]

    @property
    def modes(self) -> tuple[TrainingMode, ...]:
        """The training modes that fit, the usual one first."""
        return ("sequence", "prefix") if self.uses_history else ("pair",)

    @property
    def losses(self) -> tuple[LossType, ...]:
        """The losses that fit, the usual one first."""
        if self.only_losses:
            return self.only_losses
        return ("CE", "sampled_CE", "BPR") if self.uses_history else ("BCE", "BPR")


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="ss4rec",
            title="SS4Rec",
            parameters=models.SS4RecModel,
            network="seqrec.models.ss4rec:SS4RecEncoder",
            colour="blue",
            uses_time=True,
            packs_histories=True,
            searchable=True,
            compared=True,
        ),
        ModelSpec(
            name="ss4rec_plus",
            title="SS4Rec+",
            parameters=models.SS4RecPlusModel,
            network="seqrec.models.ss4rec_plus:SS4RecPlusEncoder",
            colour="green",
            features=("rating", "week"),
            tells_unknown=True,
            uses_time=True,
            packs_histories=True,
            searchable=True,
        ),
        ModelSpec(
            name="ncf",
            title="NCF (NeuMF)",
            parameters=models.NCFModel,
            recommender="seqrec.recbole_bridge.recommenders:NCFRecommender",
            served_as="seqrec.models.ncf:NeuMF",
            colour="orange",
            uses_history=False,
            searchable=True,
            compared=True,
        ),
        ModelSpec(
            name="mamba4rec",
            title="Mamba4Rec",
            parameters=models.SS4RecModel,
            network="seqrec.models.ss4rec:SS4RecEncoder",
            uses_time=True,
            packs_histories=True,
            searchable=True,
        ),
        ModelSpec(
            name="sasrec",
            title="SASRec",
            parameters=models.SASRecModel,
            recommender="seqrec.recbole_bridge.baselines:SASRecRecommender",
            served_as="seqrec.models.sasrec:SASRecEncoder",
            colour="purple",
            searchable=True,
        ),
        ModelSpec(
            name="gru4rec",
            title="GRU4Rec",
            parameters=models.GRU4RecModel,
            recommender="seqrec.recbole_bridge.baselines:GRU4RecRecommender",
            served_as="seqrec.models.gru4rec:GRU4RecEncoder",
            colour="sky",
            searchable=True,
        ),
        ModelSpec(
            name="bprmf",
            title="BPRMF",
            parameters=models.BPRMFModel,
            recommender="seqrec.recbole_bridge.baselines:BPRMFRecommender",
            served_as="seqrec.models.matrix_factorisation:MatrixFactorisation",
            colour="red",
            uses_history=False,
            only_losses=("BPR",),
        ),
        ModelSpec(
            name="hstu",
            title="HSTU",
            parameters=models.HSTUModel,
            network="seqrec.models.hstu:HSTUEncoder",
            uses_time=True,
            searchable=True,
        ),
    )
}
"""Every model that can be trained, by its name."""

RANKERS = {
    spec.name: spec
    for spec in (
        RankerSpec(
            name="popularity",
            title="Popularity",
            ranker="seqrec.ranking.popularity:rank_by_popularity",
            inputs=("interactions@pandas",),
            colour="grey",
            compared=True,
        ),
        RankerSpec(
            name="recent_popularity",
            title="Recent popularity",
            ranker="seqrec.ranking.recent:rank_by_recent_popularity",
        ),
        RankerSpec(
            name="item_knn",
            title="Item-kNN",
            ranker="seqrec.ranking.item_knn:rank_by_neighbours",
            colour="yellow",
        ),
    )
}
"""Every baseline that is not trained, by its name."""


Spec = TypeVar("Spec", ModelSpec, RankerSpec)


def compared(registry: Mapping[str, Spec]) -> dict[str, Spec]:
    """Take the entries that `kedro run` compares, in the order of the tables.

    >>> list(compared(MODELS)), list(compared(RANKERS))
    (['ss4rec', 'ncf'], ['popularity'])
    """
    return {name: spec for name, spec in registry.items() if spec.compared}


def ensemble_title(members: int) -> str:
    """Return what reports call an ensemble.

    >>> ensemble_title(3)
    'Ensemble of 3'
    """
    return f"{_ENSEMBLE_OF}{members}"


def title_of(name: str) -> str:
    """Return what reports call a model or a baseline; any other name stays as it is.

    >>> title_of("ncf"), title_of("popularity"), title_of("ss4rec (seed=3)")
    ('NCF (NeuMF)', 'Popularity', 'ss4rec (seed=3)')
    """
    spec = MODELS.get(name) or RANKERS.get(name)
    return spec.title if spec else name


def colour_of(name: str) -> Colour | None:
    """Return a model's, a baseline's or an ensemble's colour, if it has one.

    >>> colour_of("ncf"), colour_of("Ensemble of 3"), colour_of("hstu")
    ('orange', 'violet', None)
    """
    if name.startswith(_ENSEMBLE_OF):
        return "violet"
    spec = MODELS.get(name) or RANKERS.get(name)
    return spec.colour if spec else None


def load(path: str) -> Any:
    """Import what a path names.

    Args:
        path: ``module:name``.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    module, name = path.split(":")
    return getattr(import_module(module), name)
