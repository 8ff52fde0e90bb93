import pytest
import torch

from seqrec.models.ss4rec import SS4RecEncoder
from tests.conftest import ss4rec_model


@pytest.fixture
def encoder():
    torch.manual_seed(3)
    return SS4RecEncoder(ss4rec_model(n_layers=2), n_items=30).eval()


@pytest.fixture
def batch():
    torch.manual_seed(4)
    return torch.randint(1, 30, (2, 12)), torch.rand(2, 12) * 50


def test_a_later_item_never_changes_an_earlier_output(encoder, batch):
    items, intervals = batch
    changed = items.clone()
    changed[:, 7] = (changed[:, 7] % 29) + 1
    before, after = encoder(items, intervals), encoder(changed, intervals)
    torch.testing.assert_close(after[:, :7], before[:, :7], rtol=0, atol=0)
    assert not torch.allclose(after[:, 7:], before[:, 7:])


def test_a_later_interval_never_changes_an_earlier_output(encoder, batch):
    items, intervals = batch
    changed = intervals.clone()
    changed[:, 7] += 30
    before, after = encoder(items, intervals), encoder(items, changed)
    torch.testing.assert_close(after[:, :7], before[:, :7], rtol=0, atol=0)
    assert not torch.allclose(after[:, 7:], before[:, 7:])


def test_padding_changes_nothing(encoder, batch):
    items, intervals = batch
    padded_items = torch.cat([items, torch.zeros(2, 9, dtype=torch.long)], dim=1)
    padded_intervals = torch.cat([intervals, torch.zeros(2, 9)], dim=1)
    padded = encoder(padded_items, padded_intervals)[:, :12]
    torch.testing.assert_close(padded, encoder(items, intervals))


@pytest.mark.parametrize("gap", [0.0, 1.0, 1e9])
def test_values_and_gradients_stay_finite_for_any_gap(encoder, batch, gap):
    items, _ = batch
    hidden = encoder(items, torch.full((2, 12), gap))
    encoder.score(hidden).logsumexp(-1).sum().backward()
    assert torch.isfinite(hidden).all()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_fidelity_switches():
    shared = SS4RecEncoder(ss4rec_model(shared_norm=True), 30).blocks[0]
    assert shared.relation_norm is shared.time_norm
    official = SS4RecEncoder(ss4rec_model(initialization="authors"), 30).blocks[0]
    assert (official.relation_aware.dt_proj.bias == 0).all()
    own = SS4RecEncoder(ss4rec_model(), 30)
    assert (own.blocks[0].relation_aware.dt_proj.bias != 0).all()
    assert own.blocks[0].relation_norm is not own.blocks[0].time_norm
    assert (own.item_embedding.weight[0] == 0).all()
