import math

import pytest
import torch
import torch.nn.functional as F

from seqrec.models.hstu import BUCKETS, HSTUEncoder, time_buckets
from seqrec.ops.backend import resolve
from tests.conftest import MODEL_OF

TORCH = resolve("torch", "cpu")
DAY = 86_400.0


def hstu(**changes):
    return HSTUEncoder(MODEL_OF["hstu"](n_layers=2, n_heads=2, **changes), 30, TORCH).eval()


@pytest.fixture
def encoder():
    """Weights large enough that every part of the network shows in its output."""
    torch.manual_seed(3)
    encoder = hstu()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=0.5)
    return encoder


@pytest.fixture
def batch():
    torch.manual_seed(4)
    seconds = torch.tensor([0.0, 1.0, 60.0, 3_600.0, DAY, 100 * DAY])
    return torch.randint(1, 30, (2, 12)), seconds[torch.randint(6, (2, 12))]


def silu(x):
    return x * torch.sigmoid(x)


def normed(x):
    return (x - x.mean()) / torch.sqrt(((x - x.mean()) ** 2).mean() + 1e-6)


def bucket_of(seconds):
    return min(int(math.log(max(seconds, 1)) / 0.301), BUCKETS)


def attended(w, rows, gaps, k, n_heads, max_length):
    """A V at position k, head by head and event by event."""
    heads = []
    for head in range(n_heads):
        total = torch.zeros_like(rows[0][1].chunk(n_heads)[head])
        for j in range(k + 1):
            value, key = (rows[j][part].chunk(n_heads)[head] for part in (1, 3))
            score = rows[k][2].chunk(n_heads)[head] @ key
            score = (
                score + w["bias.position"][k - j] + w["bias.time"][bucket_of(sum(gaps[j : k + 1]))]
            )
            total = total + silu(score) / max_length * value
        heads.append(total)
    return torch.cat(heads)


def plain_loops(weights, items, gaps, n_layers, n_heads, max_length):
    """Equations 1 to 3 of the paper for one history, from the weights alone."""
    table = weights["item_embedding.weight"]
    hidden = [table[item] * math.sqrt(table.shape[1]) for item in items]
    for layer in range(n_layers):
        prefix = f"layers.{layer}."
        w = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        rows = [silu(w["uvqk.weight"] @ normed(x)).chunk(4) for x in hidden]
        mixed = [attended(w, rows, gaps, k, n_heads, max_length) for k in range(len(items))]
        hidden = [
            x + w["output.weight"] @ (rows[k][0] * normed(mixed[k])) + w["output.bias"]
            for k, x in enumerate(hidden)
        ]
    return torch.stack([normed(x) for x in hidden])


def test_values_and_gradients_are_those_of_plain_loops(encoder, batch):
    encoder.double()
    items, intervals = batch
    weights = dict(encoder.named_parameters())
    expected = torch.stack(
        [
            plain_loops(weights, *row, 2, 2, 16)
            for row in zip(items, intervals.tolist(), strict=True)
        ]
    )
    hidden = encoder(items, intervals)
    torch.testing.assert_close(hidden, expected)
    by = torch.randn_like(hidden)
    ours, theirs = (torch.autograd.grad(y, weights.values(), by) for y in (hidden, expected))
    for name, gradient, wanted in zip(weights, ours, theirs, strict=True):
        assert wanted.abs().max() > 1e-3, name
        torch.testing.assert_close(gradient, wanted, msg=lambda text, name=name: f"{name}: {text}")


def test_time_is_counted_from_each_event_to_the_one_that_is_asked_for():
    buckets = time_buckets(torch.tensor([[10.0, 100.0, 0.0]]))[0]
    expected = [[10, None, None], [110, 100, None], [110, 100, 0]]
    for k, row in enumerate(expected):
        for j, seconds in enumerate(row[: k + 1]):
            assert buckets[k, j] == bucket_of(seconds)


def test_a_long_gap_does_not_swallow_the_seconds_after_it():
    gaps = [1, 2**30, *[3] * 9]
    buckets = time_buckets(torch.tensor([gaps], dtype=torch.float32))[0]
    for k in range(len(gaps)):
        for j in range(k + 1):
            assert buckets[k, j] == bucket_of(sum(gaps[j : k + 1]))


def test_a_later_item_never_changes_an_earlier_output(encoder, batch):
    items, intervals = batch
    changed = items.clone()
    changed[:, 7] = (changed[:, 7] % 29) + 1
    before, after = encoder(items, intervals), encoder(changed, intervals)
    torch.testing.assert_close(after[:, :7], before[:, :7], rtol=0, atol=0)
    assert ((after[:, 7:] - before[:, 7:]).abs().amax(-1) > 1e-4).all()


def test_a_later_interval_never_changes_an_earlier_output(encoder, batch):
    items, intervals = batch
    changed = intervals.clone()
    changed[:, 7] += 1000 * DAY
    before, after = encoder(items, intervals), encoder(items, changed)
    torch.testing.assert_close(after[:, :7], before[:, :7], rtol=0, atol=0)
    assert ((after[:, 7:] - before[:, 7:]).abs().amax(-1) > 1e-4).all()


def test_the_query_time_changes_the_last_output_only(encoder, batch):
    items, intervals = batch
    asked_later = intervals.clone()
    asked_later[:, -1] += 1000 * DAY
    before, after = encoder(items, intervals), encoder(items, asked_later)
    torch.testing.assert_close(after[:, :-1], before[:, :-1], rtol=0, atol=0)
    assert ((after[:, -1] - before[:, -1]).abs().amax(-1) > 1e-4).all()


def test_padding_changes_nothing(encoder, batch):
    items, intervals = batch
    padded = encoder(F.pad(items, (0, 4)), F.pad(intervals, (0, 4)))[:, :12]
    torch.testing.assert_close(padded, encoder(items, intervals))


@pytest.mark.parametrize("gap", [0.0, 1.0, 1e9])
def test_values_and_gradients_stay_finite_for_any_gap(encoder, batch, gap):
    items, _ = batch
    hidden = encoder(items, torch.full((2, 12), gap))
    (hidden @ encoder.item_embedding.weight.T).logsumexp(-1).sum().backward()
    assert torch.isfinite(hidden).all()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_dropout_drops_embeddings_and_what_a_layer_adds_in_training_only(batch):
    torch.manual_seed(3)
    encoder = hstu(dropout=0.5)
    layer, seen = encoder.layers[0], []
    for module in (layer, layer.output):
        module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    encoder.train()(*batch)
    encoder.eval()(*batch)
    for learning, serving in zip(seen[:2], seen[2:], strict=True):
        assert 0.3 < (learning == 0).double().mean() < 0.7
        assert (serving != 0).all()


def test_a_width_that_is_no_whole_number_of_heads_is_refused():
    with pytest.raises(ValueError, match="hidden_size must be a multiple of n_heads"):
        hstu(hidden_size=15)
