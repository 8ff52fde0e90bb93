"""How often intervals hold the truth, simulated with the spread that this project has measured."""

import numpy as np
import pytest

from seqrec.metrics.statistics import USERS_AND_SEEDS, USERS_ONLY, bootstrap_seeds, covers

USERS = 943
TRIALS = 600
NOMINAL = 0.95
# Of NDCG@10: how a user's difference between two models varies over users, how each model's mean
# varies over its trainings (docs/results/ml-100k.md, "spread over seeds"), and how a user's value
# varies over a model's trainings.
MEASURED = {
    "ss4rec and ncf": (0.22, (0.0024, 0.0054), (0.135, 0.045)),
    "ss4rec and ncf, ties in groups": (0.22, (0.0076, 0.0052), (0.135, 0.045)),
}


def coverage(name, seeds):
    """Share of the intervals that hold the models' difference, and that of these trainings."""
    over_users, over_seeds, within = MEASURED[name]
    generator = np.random.default_rng(seeds)
    of_models = of_trainings = 0
    for trial in range(TRIALS):
        gap = generator.normal(0, over_users, USERS)
        shifts = [generator.normal(0, spread, (seeds, 1)) for spread in over_seeds]
        first, second = (
            side * gap / 2 + shift + generator.normal(0, noise, (seeds, USERS))
            for side, shift, noise in zip((1, -1), shifts, within, strict=True)
        )
        found = bootstrap_seeds(first, second, 300, NOMINAL, trial)
        of_models += found.low <= 0 <= found.high
        of_trainings += found.low <= float(shifts[0].mean() - shifts[1].mean()) <= found.high
    return of_models / TRIALS, of_trainings / TRIALS


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_three_seeds_against_three_cover_users_and_seeds(name):
    assert covers(3, 3) == USERS_AND_SEEDS
    of_models, _ = coverage(name, seeds=3)
    assert 0.92 <= of_models <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_one_seed_against_one_covers_users_and_is_said_to(name):
    assert covers(1, 1) == USERS_ONLY
    of_models, of_trainings = coverage(name, seeds=1)
    assert of_models < 0.92
    assert 0.92 <= of_trainings <= 0.98


def test_a_model_that_is_not_trained_needs_no_seeds():
    assert covers(3, None) == USERS_AND_SEEDS
    assert covers(2, None) == USERS_ONLY
    assert covers(None, None) == covers(None) == "users"
