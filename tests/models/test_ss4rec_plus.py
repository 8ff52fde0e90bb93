import pytest
import torch

from seqrec.models import context
from seqrec.models.ss4rec_plus import SS4RecPlusEncoder
from seqrec.ops.backend import resolve
from seqrec.ops.packing import Packing
from seqrec.parameters.models import SS4RecPlusModel

TORCH = resolve("torch", "cpu")
SIZES = {"hidden_size": 16, "dropout": 0.2, "d_state": 4, "max_length": 12, "feed_forward": 24}
OPTIONS = [
    {},
    {"event_context": False},
    {"ratings": False, "calendar": False},
    {"query_path": False, "drive_by": "next"},
    {"feed_forward": 0},
    {"scores": "cosine"},
]


def make(backend=TORCH, **options):
    torch.manual_seed(3)
    return SS4RecPlusEncoder(SS4RecPlusModel(**{**SIZES, **options}), 30, backend).eval()


@pytest.fixture
def batch():
    torch.manual_seed(4)
    intervals = torch.randint(0, 3, (2, 12)) * torch.randint(1, 10**6, (2, 12))
    return {
        "items": torch.randint(1, 30, (2, 12)),
        "intervals": intervals.float(),
        "rating": torch.randint(1, 11, (2, 12)) / 2,
        "week": torch.randint(1500, 1600, (2, 12)),
    }


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("field", ["items", "intervals", "rating", "week"])
def test_a_later_event_never_changes_an_earlier_output(batch, options, field):
    """An interval at k is that to event k + 1: it may change output k and what follows."""
    encoder = make(**options)
    changed = {**batch, field: batch[field].clone()}
    changed[field][:, 7] = (changed[field][:, 7] % 29) + 1
    before, after = encoder(**batch), encoder(**changed)
    torch.testing.assert_close(after[:, :7], before[:, :7], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("option", "field"),
    [("ratings", "rating"), ("calendar", "week"), ("event_context", "intervals")],
)
def test_an_option_reads_what_it_says(batch, option, field):
    """Constant steps take time out of the recurrence, so that only the context can see it."""
    changed = {**batch, field: batch[field].clone()}
    changed[field][:, 3] = (changed[field][:, 3] % 29) + 3
    for on in (True, False):
        encoder = make(**{option: on, "time_scale": "constant", "query_path": False})
        same = torch.equal(encoder(**batch), encoder(**changed))
        assert same is not on


def test_the_query_time_reaches_its_own_position_alone(batch):
    """The state is that of the past: what comes after does not depend on when one asked."""
    encoder = make()
    asked = {**batch, "intervals": batch["intervals"].clone()}
    asked["intervals"][:, -1] = context.UNKNOWN_TIME
    known, unknown = encoder(**batch), encoder(**asked)
    torch.testing.assert_close(unknown[:, :-1], known[:, :-1], rtol=0, atol=0)
    assert not torch.allclose(unknown[:, -1], known[:, -1])


def test_an_unknown_query_time_is_seen_in_training(batch):
    """With every position hidden, the true interval of the last one has no say."""
    encoder = make(hide_query_time=0.99, dropout=0.0, input_dropout=0.0).train()
    asked = {**batch, "intervals": batch["intervals"].clone()}
    asked["intervals"][:, -1] += 10**7
    torch.manual_seed(1)
    first = encoder(**batch)[:, -1]
    torch.manual_seed(1)
    second = encoder(**asked)[:, -1]
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("options", [o for o in OPTIONS if "drive_by" not in o], ids=str)
def test_a_history_is_extended_event_by_event(batch, options):
    """One more event costs one step and gives what the whole history would."""
    encoder = make(**options)
    intervals = batch["intervals"]
    first = context.is_first(intervals, None)
    events = {
        "items": batch["items"],
        "before": context.intervals_before(intervals, first),
        "until": intervals,
        "rating": batch["rating"],
        "week": batch["week"],
    }
    for cuts in ([1] * 12, [6, 6], [5, 1, 4, 2]):
        state, parts, start = None, [], 0
        for width in cuts:
            part = {name: x[:, start : start + width] for name, x in events.items()}
            hidden, state = encoder.extend(**part, state=state)
            parts.append(hidden)
            start += width
        torch.testing.assert_close(torch.cat(parts, 1), encoder(**batch), rtol=1e-4, atol=1e-5)


def test_a_state_of_the_next_interval_cannot_be_extended(batch):
    encoder = make(drive_by="next")
    with pytest.raises(ValueError, match="drive_by=previous"):
        encoder.extend(
            batch["items"],
            batch["intervals"],
            batch["intervals"],
            rating=batch["rating"],
            week=batch["week"],
        )


@pytest.mark.parametrize("name", ["naive", "torch", "numba", "triton"])
def test_leaving_padding_out_changes_nothing_else(batch, name):
    pytest.importorskip("triton") if name == "triton" else None
    lengths = torch.tensor([5, 12])
    inside = torch.arange(12) < lengths[:, None]
    padded = {field: x.where(inside, torch.zeros_like(x)) for field, x in batch.items()}
    packed = {field: x[inside] for field, x in padded.items()}
    layout = Packing.of_lengths(lengths, 12)
    hidden = make(resolve(name, "cpu"))(**packed, packing=layout)
    torch.testing.assert_close(hidden, make()(**padded)[inside], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gap", [0.0, 1.0, 1e9, context.UNKNOWN_TIME])
@pytest.mark.parametrize("scores", ["dot", "cosine"])
def test_values_and_gradients_stay_finite_for_any_gap(batch, gap, scores):
    encoder = make(scores=scores)
    intervals = batch["intervals"].clamp(max=max(gap, 0.0))
    intervals[:, -1] = gap
    rating = batch["rating"].clone()
    rating[0, 0] = torch.nan
    hidden = encoder(**{**batch, "intervals": intervals, "rating": rating})
    (hidden @ encoder.item_vectors().T).logsumexp(-1).sum().backward()
    assert torch.isfinite(hidden).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_the_authors_initialization_zeroes_the_bias_of_every_linear_layer():
    own, authors = (make(initialization=how) for how in ("mamba", "authors"))
    for encoder, zeroed in ((own, False), (authors, True)):
        biases = [m.bias for m in encoder.modules() if isinstance(m, torch.nn.Linear)]
        drawn = [bias for bias in biases if bias is not None]
        assert all((bias == 0).all() for bias in drawn) == zeroed


def test_intervals_fall_into_half_octaves():
    seconds = [0, 1, 2, 3, 6, 7, 2**20 - 2, 2**20 - 1, 2**40, -1]
    wanted = [0, 2, 3, 4, 5, 6, 39, 40, 63, context.UNKNOWN]
    assert context.interval_buckets(torch.tensor(seconds, dtype=torch.float32)).tolist() == wanted


def test_places_in_a_second_count_ties_across_a_cut():
    before = torch.tensor([[9.0, 0, 0, 5, 0, 0]])
    first = context.is_first(before, None)
    assert context.places_in_second(before, first).tolist() == [[0, 1, 2, 0, 1, 2]]
    none = torch.zeros_like(first)
    head = context.places_in_second(before[:, :2], first[:, :2])
    tail = context.places_in_second(before[:, 2:], none[:, 2:], head[:, -1:])
    assert tail.tolist() == [[2, 0, 1, 2]]


def test_ratings_count_in_half_steps():
    ratings = torch.tensor([torch.nan, 0.5, 1.0, 5.0, 10.0, 100.0, -3.0])
    assert context.rating_levels(ratings).tolist() == [0, 1, 2, 10, 20, 20, 0]
