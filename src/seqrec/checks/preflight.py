"""All checks of ``kedro preflight``, the quick ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from kedro.framework.context import KedroContext

from seqrec.checks.check import Check, look
from seqrec.checks.dataset import check_dataset
from seqrec.checks.device import check_device
from seqrec.checks.disk import check_disk
from seqrec.checks.estimate import check_estimate
from seqrec.checks.kernels import check_kernels
from seqrec.checks.memory import check_memory, needed_gib
from seqrec.checks.rehearsal import rehearse
from seqrec.checks.services import check_discord, check_wandb
from seqrec.datasets.ratings import RatingsDataset
from seqrec.parameter_tree import Parameters
from seqrec.parameters import SS4RecModel
from seqrec.project import find_setting
from seqrec.sources.movielens_formats import Size


@dataclass(frozen=True)
class Preflight:
    """The checks of a run.

    Attributes:
        context: Kedro's context of the environment.
        models: What will be trained.
        dollars_per_hour: Price of the machine; None if unknown.
    """

    context: KedroContext
    models: tuple[str, ...]
    dollars_per_hour: float | None = None

    def checks(self) -> Iterator[tuple[Check, float]]:
        """Yield each check as it is done, with its seconds; the first red one ends them."""
        parameters = Parameters.model_validate(self.context.config_loader["parameters"])
        ratings: RatingsDataset = self.context.catalog["ratings_raw"]
        size = cache(ratings.size)  # not known before the dataset is there
        found: list[Check] = []
        for name, step in self._steps(parameters, ratings, size).items():
            check, seconds = look(name, step)
            found.append(check)
            yield check, seconds
            if not check.passed:
                return
        yield look("estimate", lambda: self._estimate(parameters, found, size()))

    def _steps(
        self, parameters: Parameters, ratings: RatingsDataset, size: Callable[[], Size]
    ) -> dict[str, Callable[[], Check]]:
        steps: dict[str, Callable[[], Check]] = {
            "device": partial(check_device, parameters.runtime),
            "W&B": partial(check_wandb, parameters.tracking),
            "Discord": partial(check_discord, parameters.notifications),
            "dataset": partial(check_dataset, ratings, size),
            "disk": lambda: check_disk(self._data_folder, size().ratings),
            "memory": lambda: self._memory(parameters, size()),
        }
        ss4rec = parameters.of("ss4rec").model
        if "ss4rec" in self.models and isinstance(ss4rec, SS4RecModel):
            steps["kernels"] = partial(check_kernels, ss4rec, parameters.runtime)
        return steps | {name: partial(_rehearse, parameters, name, size) for name in self.models}

    @property
    def _data_folder(self) -> Path:
        return self.context.project_path / str(find_setting(self.context.config_loader, "data"))

    def _memory(self, parameters: Parameters, size: Size) -> Check:
        runtime = parameters.runtime
        blocks = [getattr(parameters, name) for name in self.models]
        needs = [
            needed_gib(block.model, block.training, runtime, size.users, size.items)
            for block in blocks
        ]
        return check_memory(max(needs, default=0.0), runtime)

    def _estimate(self, parameters: Parameters, found: list[Check], size: Size) -> Check:
        rehearsed = {check.name.split(":")[0]: check.facts for check in found}
        speeds = {n: float(str(rehearsed[n]["targets_per_second"])) for n in self.models}
        trainings = {n: getattr(parameters, n).training for n in self.models}
        return check_estimate(speeds, trainings, size.ratings, self.dollars_per_hour)


def _rehearse(parameters: Parameters, name: str, size: Callable[[], Size]) -> Check:
    block = getattr(parameters, name)
    return rehearse(name, block.model, block.training, parameters.runtime, size().items)
