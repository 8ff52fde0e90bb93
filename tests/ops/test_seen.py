"""Losses that leave out what a position has seen: every implementation against plain sets."""

import math
from dataclasses import replace
from itertools import chain

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from seqrec.ops.backend import resolve
from seqrec.ops.cross_entropy import torch as chunked
from seqrec.ops.packing import Packing
from seqrec.ops.sampled_softmax import sampled_cross_entropy
from seqrec.ops.seen import Seen

GPU = torch.cuda.is_available()
DEVICE = pytest.param("cuda", marks=pytest.mark.gpu) if GPU else "cpu"
on_a_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not GPU, reason="needs a CUDA device"),
]
WIDTH = 16


def flat(rows):
    return list(chain.from_iterable(rows))


@pytest.fixture(params=["highest", "high"])
def precision(request):
    """Whether products are exact, or may be rounded: then no logits are written on a GPU."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


class Windows:
    """Windows in the middle of histories, as lists; few items, so that many come again.

    Every third target is an item of the history, and every fifth position is not learned.
    """

    def __init__(self, lengths, n_items, seed=0):
        draw = torch.Generator().manual_seed(seed)

        def ids(count):
            return torch.randint(1, n_items, (count,), generator=draw).tolist()

        self.n_items = n_items
        self.inputs = [ids(length) for length in lengths]
        self.before = [ids(7 * (row % 3)) for row in range(len(lengths))]
        self.targets = [ids(length) for length in lengths]
        for before, inputs, targets in zip(self.before, self.inputs, self.targets, strict=True):
            for k in range(len(inputs)):
                history = before + inputs[: k + 1]
                if k % 3 == 0:
                    targets[k] = history[k % len(history)]
                if k % 5 == 4:
                    targets[k] = 0

    def packed(self, device, spare=0):
        """Targets and histories without padding, but for some rows that are nobody's."""
        nothing = [0] * spare
        lengths = [len(row) for row in self.inputs] + [min(5, spare), max(spare - 5, 0)]
        inputs, targets = (torch.tensor(flat(x) + nothing) for x in (self.inputs, self.targets))
        packing = Packing.of_lengths(torch.tensor(lengths, device=device), max(lengths))
        return targets.to(device), self._seen(inputs, packing, device)

    def dense(self, device):
        """Targets and histories padded on the right."""
        width = max(map(len, self.inputs))
        inputs, targets = (
            torch.tensor([row + [0] * (width - len(row)) for row in rows])
            for rows in (self.inputs, self.targets)
        )
        packing = Packing.of_batch(inputs.to(device))
        return targets.flatten().to(device), self._seen(inputs.flatten(), packing, device)

    def _seen(self, inputs, packing, device):
        before = torch.tensor([*flat(self.before), 0, 0, 0])
        counts = torch.tensor([len(row) for row in self.before])
        return Seen.of_windows(inputs.to(device), packing, before.to(device), counts.to(device))

    def left_out(self):
        """What each position leaves out, as sets, row by row."""
        for before, inputs, targets in zip(self.before, self.inputs, self.targets, strict=True):
            for k, target in enumerate(targets):
                yield {*before, *inputs[: k + 1]} - {target}


def by_sets(hidden, items, targets, left_out):
    """The loss over the candidates of each learned position, one by one."""
    losses = []
    for h, target, hidden_items in zip(hidden, targets.tolist(), left_out, strict=True):
        if target:
            candidates = [v for v in range(len(items)) if v not in hidden_items]
            logits = items[candidates] @ h
            losses.append(F.cross_entropy(logits, torch.tensor(candidates.index(target))))
    return torch.stack(losses).mean() if losses else hidden.sum() * 0


def matrices(rows, n_items, scale=1.0):
    torch.manual_seed(rows)
    return torch.randn(rows, WIDTH) * scale, torch.randn(n_items, WIDTH)


def gradients(loss, *leaves):
    return [loss.detach(), *torch.autograd.grad(loss, leaves)]


def assert_is(loss, inputs, expected, tolerance):
    """Compare value and gradients of a function with a list in double precision."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    for x, wanted in zip(gradients(loss(*leaves), *leaves), expected, strict=True):
        assert torch.isfinite(x).all()
        difference = (x.double().cpu() - wanted).norm()
        assert difference <= tolerance * wanted.norm() + 1e-7


def expected_of(windows, inputs):
    """The answer for the windows' own positions."""
    targets = torch.tensor(flat(windows.targets))
    leaves = [x.cpu().double().requires_grad_() for x in inputs]
    return gradients(by_sets(*leaves, targets, windows.left_out()), *leaves)


def tolerance_of(device, precision):
    """A GPU's tensor cores keep ten bits, whoever asks them for a product."""
    return 5e-3 if (device, precision) == ("cuda", "high") else 1e-5


def assert_left_out(windows, inputs, device, backend, precision):
    """Compare a backend's loss over packed windows, and its gradients, with sets."""
    targets, seen = windows.packed(device)
    loss = resolve(backend, device).cross_entropy
    assert_is(
        lambda h, w: loss(h, w, targets, seen),
        [x.to(device) for x in inputs],
        expected_of(windows, inputs),
        tolerance_of(device, precision),
    )


SHAPES = [
    ([1], 5),
    ([2], 70),
    ([63], 9),
    ([200], 130),
    ([3, 64, 0, 1, 65, 12], 200),
    ([1] * 70, 64),
]


@pytest.mark.parametrize("device", [DEVICE])
@pytest.mark.parametrize("backend", ["naive", "torch", "triton"])
@pytest.mark.parametrize(("lengths", "n_items"), SHAPES, ids=str)
def test_seen_items_are_left_out(device, backend, precision, lengths, n_items):
    windows = Windows(lengths, n_items)
    assert_left_out(windows, matrices(sum(lengths), n_items), device, backend, precision)


@pytest.mark.parametrize("device", [DEVICE])
@pytest.mark.parametrize("backend", ["naive", "torch", "triton"])
def test_layouts_and_rows_that_are_nobodys_change_nothing(device, backend, precision):
    windows = Windows([3, 64, 0, 1, 65, 12], 40)
    loss = resolve(backend, device).cross_entropy
    inputs = matrices(145, 40)
    value, d_hidden, d_items = expected_of(windows, inputs)
    tolerance = tolerance_of(device, precision)
    targets, seen = windows.packed(device, spare=11)
    padded = torch.cat([inputs[0], torch.randn(11, WIDTH)])
    assert_is(
        lambda h, w: loss(h, w, targets, seen),
        [padded.to(device), inputs[1].to(device)],
        [value, F.pad(d_hidden, (0, 0, 0, 11)), d_items],
        tolerance,
    )
    targets, seen = windows.dense(device)
    inside = torch.tensor([k < len(row) for row in windows.inputs for k in range(65)])
    spread = torch.randn(len(inside), WIDTH).masked_scatter(inside[:, None], inputs[0])
    d_spread = d_hidden.new_zeros(spread.shape).masked_scatter(inside[:, None], d_hidden)
    assert_is(
        lambda h, w: loss(h, w, targets, seen),
        [spread.to(device), inputs[1].to(device)],
        [value, d_spread, d_items],
        tolerance,
    )


@pytest.mark.parametrize("device", [DEVICE])
@pytest.mark.parametrize("backend", ["naive", "torch", "triton"])
def test_seen_items_with_the_highest_scores_do_no_harm(device, backend, precision):
    """Their softmax would be 1, and e to the power of their distance no number."""
    windows = Windows([30], 300)
    windows.before = [list(range(1, 290))]
    windows.targets = [[295] * 30]
    inputs = matrices(30, 300, scale=0.1)
    inputs[0][:, 0] = 1.0
    inputs[1][1:290, 0] = 500.0
    assert_left_out(windows, inputs, device, backend, precision)


@pytest.mark.parametrize("device", [DEVICE])
@pytest.mark.parametrize("backend", ["naive", "torch", "triton"])
def test_with_nothing_seen_the_loss_is_that_over_all_items(device, backend, precision):
    hidden, items = (x.to(device).requires_grad_() for x in matrices(70, 50))
    targets = torch.randint(50, (70,), device=device)
    nothing = torch.zeros(70, dtype=torch.long, device=device)
    packing = Packing.of_lengths(torch.tensor([70], device=device), 70)
    seen = Seen.of_windows(nothing, packing, nothing[:9], nothing[:1])
    loss = resolve(backend, device).cross_entropy
    ours, usual = (
        gradients(loss(hidden, items, targets, *rest), hidden, items) for rest in ([seen], [])
    )
    for x, expected in zip(ours, usual, strict=True):
        if device == "cpu":
            assert torch.equal(x, expected)
        else:  # another compilation may fuse other operations
            torch.testing.assert_close(x, expected)


@pytest.mark.parametrize("device", [DEVICE])
@pytest.mark.parametrize("backend", ["torch", "triton"])
def test_windows_too_long_for_two_bytes_have_wider_steps(device, backend, precision):
    windows = Windows([70, 9], 30)
    targets, seen = windows.packed(device)
    long = replace(seen, max_seqlen=40_000, steps=seen.steps + 36_000, since=seen.since + 36_000)
    assert long.table(30).first.dtype == torch.int32
    assert seen.table(30).first.dtype == torch.int16
    hidden, items = (x.to(device) for x in matrices(79, 30))
    loss = resolve(backend, device).cross_entropy
    usual = loss(hidden, items, targets, seen)
    torch.testing.assert_close(loss(hidden, items, targets, long), usual)


@pytest.mark.parametrize("chunk", [1, 40, 130, 10**6])
def test_chunks_of_any_size_leave_out_the_same(chunk):
    windows = Windows([5, 17, 1], 40)
    inputs = [x.double() for x in matrices(23, 40)]
    targets, seen = windows.packed("cpu")
    assert_is(
        lambda h, w: chunked.cross_entropy(h, w, targets, seen, chunk=chunk),
        inputs,
        expected_of(windows, inputs),
        1e-12,
    )


def test_some_positions_can_be_kept():
    windows = Windows([5, 17, 1], 40)
    inputs = [x.double() for x in matrices(23, 40)]
    targets, seen = windows.packed("cpu")
    learned = targets > 0
    value, d_hidden, d_items = expected_of(windows, inputs)
    assert_is(
        lambda h, w: chunked.cross_entropy(h, w, targets[learned], seen.at(learned)),
        [inputs[0][learned], inputs[1]],
        [value, d_hidden[learned], d_items],
        1e-12,
    )


def test_drawn_items_that_a_position_has_seen_do_not_count():
    """With every item drawn once, the sampled loss is the full one over the candidates."""
    windows = Windows([5, 17, 1], 40)
    windows.targets = [[t or 1 for t in row] for row in windows.targets]
    inputs = [x.double() for x in matrices(23, 40)]
    targets, seen = windows.packed("cpu")
    every, even = torch.arange(1, 40), torch.full((40,), -math.log(39), dtype=torch.float64)
    leaves = [x.clone().requires_grad_() for x in inputs]
    without_padding = [{0, *left_out} for left_out in windows.left_out()]
    assert_is(
        lambda h, w: sampled_cross_entropy(h, w, targets, every, even, seen),
        inputs,
        gradients(by_sets(*leaves, targets, without_padding), *leaves),
        1e-12,
    )


def test_a_position_that_has_seen_all_that_is_drawn_learns_nothing():
    hidden, items = (x.requires_grad_() for x in matrices(2, 9))
    inputs, targets = torch.tensor([3, 4]), torch.tensor([7, 8])
    packing = Packing.of_lengths(torch.tensor([2]), 2)
    seen = Seen.of_windows(inputs, packing, inputs[:0], torch.tensor([0]))
    drawn = torch.tensor([3, 3, 3, 8])
    loss = sampled_cross_entropy(hidden, items, targets, drawn[:3], torch.zeros(9), seen)
    assert all((x == 0).all() for x in gradients(loss, hidden, items))
    loss = sampled_cross_entropy(hidden, items, targets, drawn, torch.zeros(9), seen)
    assert all(torch.isfinite(x).all() for x in gradients(loss, hidden, items))


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that is made, in bytes."""

    def __init__(self):
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.size = max(self.size, made.numel() * made.element_size())
        return made


def test_a_table_of_84000_items_takes_21_mb_and_no_mask_is_made():
    inputs = torch.randint(1, 84_000, (128 * 200,))
    packing = Packing.of_lengths(torch.full((128,), 200), 200)
    counts = torch.full((128,), 300)
    before = torch.randint(1, 84_000, (128 * 300,))
    with Largest() as largest:
        Seen.of_windows(inputs, packing, before, counts).table(84_000)
    assert largest.size <= 2 * 129 * 84_032


def test_no_more_of_a_mask_is_held_than_a_chunk_of_logits():
    windows = Windows([50], 1000)
    hidden, items = (x.requires_grad_() for x in matrices(50, 1000))
    targets, seen = windows.packed("cpu")
    with Largest() as largest:
        chunked.cross_entropy(hidden, items, targets, seen, chunk=16 * 1000)
    assert largest.size <= 4 * 16 * 1024


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_a_gpu)])
def test_at_84000_items_a_gpu_holds_the_table_and_little_more(device, precision):
    inputs = torch.randint(1, 84_000, (128 * 200,), device=device)
    packing = Packing.of_lengths(torch.full((128,), 200, device=device), 200)
    seen = Seen.of_windows(inputs, packing, inputs, torch.full((128,), 200, device=device))
    hidden, items = (
        torch.randn(n, 64, device=device, requires_grad=True) for n in (len(inputs), 84_000)
    )
    loss = resolve("triton", device).cross_entropy
    held = []
    for rest in ([], [seen]):
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        gradients(loss(hidden, items, inputs, *rest), hidden, items)
        held.append(torch.cuda.max_memory_allocated())
    assert held[1] - held[0] < 32 * 2**20


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_a_gpu)])
def test_a_recorded_loss_reads_the_histories_of_its_replay(device, precision):
    first, second = Windows([30, 3, 60], 200), Windows([30, 3, 60], 200, seed=1)
    hidden, items = (x.to(device).requires_grad_() for x in matrices(93, 200))
    places = [*as_tensors(first, device)]
    loss = resolve("triton", device).cross_entropy

    def compute(inputs, targets, before):
        packing = Packing.of_lengths(lengths, 60)
        seen = Seen.of_windows(inputs, packing, before, counts)
        return gradients(loss(hidden, items, targets, seen), hidden, items)

    lengths = torch.tensor([30, 3, 60], device=device)
    counts = torch.tensor([len(row) for row in first.before], device=device)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        compute(*places)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        recorded = compute(*places)
    for place, other in zip(places, as_tensors(second, device), strict=True):
        place.copy_(other)
    graph.replay()
    for x, expected in zip(recorded, compute(*as_tensors(second, device)), strict=True):
        torch.testing.assert_close(x, expected)


def as_tensors(windows, device):
    """Inputs, targets and earlier items, flat."""
    for rows in (windows.inputs, windows.targets, windows.before):
        yield torch.tensor(flat(rows), device=device)
