"""Every backend computes the function of the naive one: values and every gradient.

The same file runs on a GPU (make gpu-test). Without one, Triton's interpreter runs its kernels on
small sizes. Fresh memory is filled with NaN: what a kernel forgets to write shows.
"""

import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.ops import backend as backends
from seqrec.ops.backend import NAMES, resolve
from seqrec.ops.discretize import scale_time
from seqrec.ops.packing import Packing
from seqrec.parameters import Runtime
from tests.ops.grid import (
    EVENTS,
    REFERENCE,
    answers,
    cut,
    inputs_of,
    packed,
    reference_answers,
    relative_error,
    rounded,
)

GPU = torch.cuda.is_available()
gpu = pytest.mark.gpu
cuda_only = [gpu, pytest.mark.skipif(not GPU, reason="needs a CUDA device")]
SMALL, WHOLE = (1, 2, 17, 63), (1, 2, 63, 64, 200, 1000)
WIDTHS = {"odd": (37, 5), "paper": (128, 32), "wide": (512, 64)}


def case(backend, device, length, widths):
    marks = cuda_only if device == "cuda" else []
    name = f"{backend}-{device}-{length}-{widths}"
    return pytest.param(backend, device, length, WIDTHS[widths], marks=marks, id=name)


CASES = [
    *(case("torch", "cpu", length, w) for length in WHOLE for w in ("odd", "paper")),
    *(case("numba", "cpu", length, "odd") for length in WHOLE),
    *(case("triton", "cpu", length, "odd") for length in SMALL if not GPU),
    *(
        case(name, "cuda", length, w)
        for name in ("torch", "triton", "official")
        for length in WHOLE
        for w in WIDTHS
    ),
]
OPS = list(REFERENCE)


@pytest.fixture(autouse=True)
def poisoned_memory():
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


def check(op, name, device, sizes, dtype, tolerance):
    fn = getattr(resolve(name, device), op)
    # mamba_ssm's kernel gives no gradient through the last state.
    through_last = name != "official"
    inputs = [x.to(device) for x in rounded(op, inputs_of(op, *sizes), dtype)]
    reference = reference_answers(op, *sizes, dtype, through_last)
    mine = answers(fn, inputs, through_last)
    for index, (ours, theirs) in enumerate(zip(mine, reference, strict=True)):
        assert torch.isfinite(ours).all(), f"answer {index}"
        assert relative_error(ours, theirs) <= tolerance, f"answer {index}"


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device", "length", "widths"), CASES)
def test_single_precision(op, name, device, length, widths):
    check(op, name, device, (2, length, *widths), torch.float32, 1e-5)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(
    ("name", "device", "length", "widths"),
    [
        case("triton", "cpu" if not GPU else "cuda", 17, "odd"),
        *(case(n, "cuda", length, "paper") for n in ("triton", "official") for length in WHOLE),
    ],
)
def test_half_precision_inputs(op, name, device, length, widths):
    if op == "zoh_scan" and name == "official":
        pytest.skip("s5-pytorch's scan has no bfloat16")
    check(op, name, device, (2, length, *widths), torch.bfloat16, 2e-2)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", ["torch", "numba"])
def test_double_precision_keeps_its_digits_on_a_cpu(op, name):
    """Numba's kernels are float32: double precision takes torch's loops."""
    inputs = [x.double() for x in inputs_of(op, 2, 33, 37, 5)]
    reference = answers(REFERENCE[op], inputs)
    for ours, theirs in zip(
        answers(getattr(resolve(name, "cpu"), op), inputs), reference, strict=True
    ):
        assert relative_error(ours, theirs) <= 1e-10


@pytest.mark.parametrize(
    ("least", "sizes"),
    [(0, (2, 18, 37, 5)), (0, (1, 17, 32, 16)), (1000, (1, 9, 32, 16))],
    ids=["many", "many-whole", "few-whole"],
)
@pytest.mark.parametrize(
    "device", [*([] if GPU else ["cpu"]), pytest.param("cuda", marks=cuda_only)]
)
@pytest.mark.parametrize("op", ["selective_scan", "zoh_scan"])
def test_scans_are_the_same_for_few_histories_and_for_many(op, device, least, sizes, monkeypatch):
    """Their programs hold other tiles and times; whole ones leave the masks out."""
    triton = pytest.importorskip(f"seqrec.ops.{op}.triton")

    monkeypatch.setattr(triton, "FEW_ROWS", least)
    check(op, "triton", device, sizes, torch.float32, 1e-5)


EVERY = [
    *((name, "cpu") for name in ("naive", "torch", "numba", *([] if GPU else ["triton"]))),
    *(pytest.param(name, "cuda", marks=cuda_only) for name in ("torch", "triton", "official")),
]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), EVERY)
def test_two_halves_equal_the_whole(op, name, device):
    fn = getattr(resolve(name, device), op)
    *inputs, state = [x.to(device) for x in inputs_of(op, 2, 21, 6, 4)]
    first = cut(op, inputs, slice(None), slice(8))
    second = cut(op, inputs, slice(None), slice(8, None))
    y, last = fn(*inputs, state)
    y1, middle = fn(*first, state)
    y2, end = fn(*second, middle)
    torch.testing.assert_close(torch.cat([y1, y2], dim=1), y, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(end, last, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), EVERY)
def test_without_a_state_it_starts_from_zero(op, name, device):
    fn = getattr(resolve(name, device), op)
    *inputs, state = [x.to(device) for x in inputs_of(op, 2, 9, 6, 4)]
    for ours, zero in zip(fn(*inputs), fn(*inputs, torch.zeros_like(state)), strict=True):
        torch.testing.assert_close(ours, zero, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "device"), EVERY)
def test_without_input_time_adds_up(name, device):
    """Δ₁ then Δ₂ moves the state as Δ₁ + Δ₂ does."""
    drive, _, *rest = (x.to(device) for x in inputs_of("zoh_scan", 2, 2, 6, 4))
    scan = resolve(name, device).zoh_scan
    gaps = torch.tensor([[3.0, 4.5], [0.0, 1e3]], device=device)
    _, twice = scan(torch.zeros_like(drive), gaps, *rest)
    _, once = scan(torch.zeros_like(drive[:, :1]), gaps.sum(1, keepdim=True), *rest)
    torch.testing.assert_close(twice, once, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), EVERY)
def test_packed_histories_give_what_they_give_alone(op, name, device):
    """No padding is read, and nothing leaks from one history into the next."""
    fn = getattr(resolve(name, device), op)
    *inputs, _ = [x.to(device) for x in inputs_of(op, 3, 20, 6, 4)]
    lengths = [20, 1, 13]
    rows = [cut(op, inputs, slice(b, b + 1), slice(n)) for b, n in enumerate(lengths)]
    together = [
        torch.cat([row[i][0] for row in rows]) if i in EVENTS[op] else x
        for i, x in enumerate(inputs)
    ]
    packing = Packing.of_lengths(torch.tensor(lengths, device=device), 20)
    leaves = [x.clone().requires_grad_() for x in together]
    y, _ = fn(*leaves, packing=packing)
    alone = torch.cat([fn(*row)[0][0] for row in rows])
    torch.testing.assert_close(y, alone, rtol=1e-4, atol=1e-5)
    y.square().sum().backward()
    singles = [[x.detach().clone().requires_grad_() for x in row] for row in rows]
    for row in singles:
        fn(*row)[0].square().sum().backward()
    for i, leaf in enumerate(leaves):
        timed = i in EVENTS[op]
        parts = [row[i].grad[0] if timed else row[i].grad for row in singles]
        expected = torch.cat(parts) if timed else sum(parts)
        torch.testing.assert_close(leaf.grad, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), EVERY)
def test_packed_histories_have_the_reference_values_states_and_gradients(op, name, device):
    """Empty histories among them, each scan from a state of its own."""
    inputs, packing = packed(op, inputs_of(op, 5, 18, 6, 4), [9, 0, 18, 1, 0])
    through_last = name != "official"
    reference = answers(REFERENCE[op], [x.double() for x in inputs], through_last, packing=packing)
    there = Packing(packing.cu_seqlens.to(device), 25)  # a bound on the length will do
    fn = getattr(resolve(name, device), op)
    mine = answers(fn, [x.to(device) for x in inputs], through_last, packing=there)
    for index, (ours, theirs) in enumerate(zip(mine, reference, strict=True)):
        assert ours.shape == theirs.shape, f"answer {index}"
        assert relative_error(ours, theirs) <= 1e-5, f"answer {index}"


@pytest.mark.parametrize(("name", "device"), EVERY)
def test_the_convolution_of_packed_histories_refuses_a_state(name, device):
    *inputs, state = [x.to(device) for x in inputs_of("causal_conv", 1, 5, 6, 4)]
    packing = Packing.of_batch(inputs[0])
    flat = [inputs[0][0], *inputs[1:]]
    with pytest.raises(ValueError, match="state must be None"):
        resolve(name, device).causal_conv(*flat, state, packing)


def at_the_end_of_memory(x):
    """A copy that ends where its allocation does: reading on would leave it."""
    whole = torch.empty(2**23, device=x.device)
    return whole[-x.numel() :].view(x.shape).copy_(x)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), EVERY)
def test_empty_histories_change_nothing(op, name, device):
    """A batch of fixed size is filled up with them, at its end above all."""
    fn = getattr(resolve(name, device), op)
    *inputs, _ = [x.to(device) for x in inputs_of(op, 1, 20, 6, 4)]
    flat = [at_the_end_of_memory(x[0]) if i in EVENTS[op] else x for i, x in enumerate(inputs)]
    results = []
    for lengths in ([20], [0, 20, 0, 0]):
        leaves = [x.requires_grad_() for x in flat]
        packing = Packing.of_lengths(torch.tensor(lengths, device=device), 20)
        y, _ = fn(*leaves, packing=packing)
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    for plain, padded in zip(*results, strict=True):
        torch.testing.assert_close(padded, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", OPS)
def test_the_reference_is_differentiable_in_double_precision(op):
    inputs = [x.double().requires_grad_() for x in inputs_of(op, 2, 3, 4, 3)]
    if op == "zoh_scan":  # a gap of 10⁹ s has no finite difference
        inputs[1] = (torch.rand(2, 3, dtype=torch.float64) * 5 + 0.1).requires_grad_()
        inputs[3] = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(REFERENCE[op], inputs)


def test_time_scales():
    seconds = torch.tensor([0, 1, 10**9])
    assert scale_time(seconds, "seconds").tolist() == [0.0, 1.0, 1e9]
    expected = torch.log1p(seconds.double()).float()
    assert torch.equal(scale_time(seconds, "log1p"), expected)
    assert torch.equal(scale_time(seconds, "log1p_plus_one"), 1 + expected)


@pytest.mark.parametrize("op", OPS)
def test_torch_runs_numbas_kernels_on_a_cpu(op):
    inputs = inputs_of(op, 2, 33, 6, 4)
    ours, theirs = (answers(getattr(resolve(n, "cpu"), op), inputs) for n in ("torch", "numba"))
    assert all(torch.equal(x, y) for x, y in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("name", "device", "runs"),
    [
        ("torch", "cpu", "numba kernels on cpu in float32, torch in any other type"),
        ("numba", "cpu", "numba kernels on cpu in float32, torch in any other type"),
        ("torch", "cuda:1", "loops of torch's operations on cuda:1"),
        ("naive", "cpu", "plain loops on cpu"),
    ],
)
def test_a_backend_says_what_runs(name, device, runs):
    backend = resolve(name, device)
    assert (backend.name, backend.runs) == (name, runs)


def test_every_backend_can_be_asked_for_in_the_parameters():
    assert [Runtime(ssm_backend=name).ssm_backend for name in NAMES] == list(NAMES)


def test_only_triton_wants_its_training_batches_packed():
    pytest.importorskip("triton")
    device = "cuda" if GPU else "cpu"
    names = ["naive", "torch", "triton"]
    assert [n for n in names if resolve(n, device).prefers_packed] == ["triton"]


def test_the_choice_is_by_device(monkeypatch):
    assert resolve("auto", "cpu").name == "torch"
    monkeypatch.setattr(backends, "find_spec", lambda _: object())
    assert resolve("auto", "cuda").name == "triton"


def test_an_unknown_backend_is_refused():
    with pytest.raises(ProjectError, match="ssm_backend 'cuda' is unknown: choose one of auto"):
        resolve("cuda", "cpu")


@pytest.mark.parametrize("name", ["triton", "official"])
def test_a_backend_that_is_not_installed_is_refused_not_replaced(monkeypatch, name):
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    with pytest.raises(ProjectError, match=f"ssm_backend '{name}' needs"):
        resolve(name, "cuda")


def test_numba_is_refused_on_a_gpu():
    with pytest.raises(ProjectError, match=r"'numba' runs on a CPU only, not on cuda:0: use ssm_"):
        resolve("numba", "cuda:0")


def test_a_gpu_backend_is_refused_on_a_cpu(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda _: object())
    monkeypatch.setattr(backends, "_interpreted", lambda _: False)
    with pytest.raises(ProjectError, match="'triton' runs on CUDA only, not on cpu"):
        resolve("triton", "cpu")
