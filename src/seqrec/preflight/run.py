"""All checks, in the order in which they save money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kedro.framework.context import KedroContext

from seqrec.datasets.movielens_formats import SIZES
from seqrec.datasets.ratings import RatingsDataset
from seqrec.parameters import Parameters
from seqrec.preflight.checks import Check, look
from seqrec.preflight.estimate import check_estimate
from seqrec.preflight.machine import check_device, check_disk, check_memory, needed_gib
from seqrec.preflight.rehearsal import check_kernels, rehearse
from seqrec.preflight.services import check_discord, check_wandb


@dataclass(frozen=True)
class Preflight:
    """The checks of a run.

    Attributes:
        context: Kedro's context of the environment.
        models: What will be trained.
        dollars_per_hour: What the machine costs; None if it is not known.
    """

    context: KedroContext
    models: tuple[str, ...]
    dollars_per_hour: float | None = None

    def checks(self) -> Iterator[tuple[Check, float]]:
        """Yield each check as it is done, with its seconds; the first red one ends them."""
        parameters = Parameters.model_validate(self.context.config_loader["parameters"])
        ratings: RatingsDataset = self.context.catalog["ratings_raw"]
        size = SIZES.get(ratings.dataset_name, (0, 0, 0))
        steps = {
            "device": partial(check_device, parameters.runtime),
            "disk": partial(check_disk, self._folder, size[0]),
            "memory": partial(self._memory, parameters, size),
            "W&B": partial(check_wandb, parameters.tracking),
            "Discord": partial(check_discord, parameters.notifications),
            "dataset": partial(check_dataset, ratings),
        }
        if "ss4rec" in self.models:
            steps["kernels"] = partial(check_kernels, parameters.ss4rec.model, parameters.runtime)
        for name in self.models:
            block = getattr(parameters, name)
            steps[name] = partial(
                rehearse, name, block.model, block.training, parameters.runtime, size[2]
            )
        found: list[Check] = []
        for name, step in steps.items():
            check, seconds = look(name, step)
            found.append(check)
            yield check, seconds
            if not check.passed:
                return
        yield look("estimate", partial(self._estimate, parameters, found, size[0]))

    @property
    def _folder(self) -> Path:
        return Path(str(self.context.catalog["ratings"]._filepath)).parents[2]

    def _memory(self, parameters: Parameters, size: tuple[int, int, int]) -> Check:
        blocks = [getattr(parameters, name) for name in self.models]
        needs = [needed_gib(b.model, b.training, parameters.runtime, *size[1:]) for b in blocks]
        return check_memory(max(needs, default=0.0), parameters.runtime)

    def _estimate(self, parameters: Parameters, found: list[Check], ratings: int) -> Check:
        rehearsed = {check.name.split(":")[0]: check.facts for check in found}
        speeds = {n: float(str(rehearsed[n]["targets_per_second"])) for n in self.models}
        trainings = {n: getattr(parameters, n).training for n in self.models}
        return check_estimate(speeds, trainings, ratings, self.dollars_per_hour)


def check_dataset(ratings: RatingsDataset) -> Check:
    """Have the dataset there and checked; download it if need be."""
    ratings.preflight()
    return Check("dataset", True, f"{ratings.dataset_name} is here and whole")
