import math

import pytest
import torch

from seqrec.training.processes import Processes
from seqrec.training.schedule import learning_rate_factor
from seqrec.training.state import TrainingState
from seqrec.training.tally import DivergedError, Tally
from tests.conftest import CPU, training
from tests.recbole_bridge.helpers import train_of


def trained(name, files, **changes):
    return train_of(name, files, runtime=CPU, **changes)


def weights(result):
    return result[0].weights


def close(first, second, **tolerance):
    for name, x in first.items():
        torch.testing.assert_close(x, second[name], msg=name, **tolerance)


@pytest.mark.parametrize("passes", [2, 3, 50])
def test_accumulated_passes_are_the_same_step(files, passes):
    """Also with more passes than rows: some have nothing to do."""
    whole = trained("ss4rec", files, epochs=2)
    split = trained("ss4rec", files, epochs=2, accumulate=passes)
    close(weights(whole), weights(split), rtol=1e-3, atol=1e-4)
    losses = [result[1]["loss"].tolist() for result in (whole, split)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_clipping_bounds_the_step_and_the_history_shows_the_norm_before(files):
    free, bound = (trained("ss4rec", files, clip_grad_norm=c) for c in (None, 1e-9))
    assert free[1]["gradient_norm"][0] == pytest.approx(bound[1]["gradient_norm"][0], rel=0.5)
    assert bound[1]["gradient_norm"].min() > 1e-3
    start = trained("ss4rec", files, learning_rate=1e-12)
    close(weights(bound), weights(start), rtol=0, atol=2e-2)
    moved = [(weights(free)[k] - weights(start)[k]).abs().max() for k in weights(free)]
    assert max(moved) > 2e-2


def test_the_average_of_the_weights_is_what_is_kept(files):
    result = trained("ss4rec", files, epochs=6, ema_decay=0.999, early_stopping=6)
    still = trained("ss4rec", files, epochs=6, learning_rate=1e-12)
    plain = trained("ss4rec", files, epochs=6, early_stopping=6)
    name = "encoder.item_embedding.weight"
    near, far = ((weights(x)[name] - weights(still)[name]).abs().mean() for x in (result, plain))
    assert near < far / 10


def test_an_average_moves_by_its_share_and_gives_the_weights_back():
    model = torch.nn.Linear(3, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    state = TrainingState(model, training("ss4rec", ema_decay=0.9), {}, Processes())
    torch.nn.init.ones_(model.weight)
    state.average.update()
    torch.testing.assert_close(state.evaluated.weight.detach(), torch.full((1, 3), 0.1))
    state.keep_best()
    torch.testing.assert_close(state.best["weight"], torch.full((1, 3), 0.1))
    assert (model.weight == 1).all()


def test_the_learning_rate_rises_and_falls():
    cosine = training("ss4rec", schedule="cosine", warmup_steps=10)
    rates = [learning_rate_factor(cosine, s, s / 100) for s in range(100)]
    assert rates[0] == pytest.approx(0.1 * (1 + math.cos(0)) / 2)
    assert max(rates) < 1.0
    assert rates.index(max(rates)) == 9
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01
    assert {learning_rate_factor(training("ss4rec"), s, s / 100) for s in range(100)} == {1.0}


def test_schedule_and_warm_up_reach_the_optimiser(files):
    _, history = trained(
        "ss4rec", files, epochs=4, schedule="cosine", warmup_steps=2, early_stopping=4
    )
    rates = history["learning_rate"].tolist()
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.4 * rates[0]


@pytest.mark.parametrize("loss_type", ["sampled_CE", "BPR"])
def test_sampled_losses_learn_too(files, loss_type):
    _, history = trained(
        "ss4rec", files, loss_type=loss_type, negatives=8, epochs=20, early_stopping=20
    )
    assert history["NDCG@10"].max() > 0.6


def test_the_first_number_that_is_none_is_named():
    tally = Tally(["embedding", "bias"], epoch=3)
    tally.note(torch.tensor(1.0), torch.tensor([3.0, 4.0]))
    assert tally.row == {"loss": 1.0, "gradient_norm": 5.0, "largest_gradient_norm": 5.0}
    tally._unread = [
        (torch.tensor(1.0), torch.tensor([1.0, 2.0])),
        (torch.tensor(1.0), torch.tensor([1.0, math.inf])),
        (torch.tensor(math.nan), torch.tensor([math.nan, 0.0])),
    ]
    with pytest.raises(DivergedError, match="gradient of bias is inf in epoch 3, step 2"):
        tally.read()
