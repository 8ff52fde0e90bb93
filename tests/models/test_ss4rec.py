import pytest
import torch

from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import resolve
from seqrec.ops.discretize import scale_time
from seqrec.ops.packing import Packing
from tests.conftest import ss4rec_model

TORCH = resolve("torch", "cpu")


@pytest.fixture
def encoder():
    torch.manual_seed(3)
    return SS4RecEncoder(ss4rec_model(n_layers=2), 30, TORCH).eval()


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


def test_input_dropout_drops_item_embeddings_in_training_only(batch):
    torch.manual_seed(3)
    encoder = SS4RecEncoder(ss4rec_model(input_dropout=0.5), 30, TORCH)
    seen = []
    encoder.blocks[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    encoder(*batch)
    encoder.eval()(*batch)
    learning, serving = seen
    assert 0.3 < (learning == 0).double().mean() < 0.7
    torch.testing.assert_close(serving, encoder.item_embedding(batch[0]))
    torch.testing.assert_close(learning[learning != 0], 2 * serving[learning != 0])


def test_fidelity_switches():
    shared = SS4RecEncoder(ss4rec_model(shared_norm=True), 30, TORCH).blocks[0]
    assert shared.relation_norm is shared.time_norm
    official = SS4RecEncoder(ss4rec_model(initialization="authors"), 30, TORCH).blocks[0]
    assert (official.relation_aware.dt_proj.bias == 0).all()
    own = SS4RecEncoder(ss4rec_model(), 30, TORCH)
    assert (own.blocks[0].relation_aware.dt_proj.bias != 0).all()
    assert own.blocks[0].relation_norm is not own.blocks[0].time_norm
    assert (own.item_embedding.weight[0] == 0).all()


def with_backend(encoder, name, **changes):
    """The same weights on another implementation."""
    model = ss4rec_model(n_layers=2, **changes)
    other = SS4RecEncoder(model, 30, resolve(name, "cpu")).eval()
    other.load_state_dict(encoder.state_dict())
    return other


@pytest.mark.parametrize("name", ["naive", "triton"])
def test_one_set_of_weights_runs_on_every_backend(encoder, batch, name):
    pytest.importorskip("triton") if name == "triton" else None
    hidden = with_backend(encoder, name)(*batch)
    torch.testing.assert_close(hidden, encoder(*batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["naive", "torch", "numba", "triton"])
def test_leaving_padding_out_changes_nothing_else(encoder, batch, name):
    pytest.importorskip("triton") if name == "triton" else None
    items, intervals = batch
    lengths = torch.tensor([5, 12])
    padding = torch.arange(12) >= lengths[:, None]
    items, intervals = items.masked_fill(padding, 0), intervals.masked_fill(padding, 0)
    layout = Packing.of_lengths(lengths, 12)
    packed = with_backend(encoder, name)(items[~padding], intervals[~padding], layout)
    torch.testing.assert_close(packed, encoder(items, intervals)[~padding], rtol=1e-4, atol=1e-5)


def test_a_history_is_extended_event_by_event(encoder, batch):
    """Streaming: each further event costs one step and gives what the whole would."""
    items, intervals = batch
    whole, _ = encoder.extend(items, intervals)
    state, steps = None, []
    for k in range(items.shape[1]):
        hidden, state = encoder.extend(items[:, k : k + 1], intervals[:, k : k + 1], state)
        steps.append(hidden)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, rtol=1e-4, atol=1e-5)


def test_tied_events_enter_the_state_only_with_a_scale_that_lets_them(encoder, batch):
    """Δ = 0 after an item: its S5 input is lost in seconds, not in log1p_plus_one."""
    u = torch.zeros(1, 3, 16)
    u[0, 0] = 1.0
    for scale, enters in (("seconds", False), ("log1p", False), ("log1p_plus_one", True)):
        interval = scale_time(torch.tensor([[0, 5, 5]]), scale)
        y, _ = encoder.blocks[0].time_aware(u, interval)
        assert bool(y[0, 1].abs().max() > 1e-6) == enters, scale
