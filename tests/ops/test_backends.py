"""Every backend computes the function of the naive one: values and every gradient.

The same file runs on a GPU (make gpu-test). Without one, Triton's interpreter runs its kernels on
small sizes. Fresh memory is filled with NaN: what a kernel forgets to write shows.
"""

import pytest
import torch

from seqrec.errors import ProjectError
from seqrec.ops import backend as backends
from seqrec.ops.backend import resolve
from seqrec.ops.discretize import scale_time
from seqrec.ops.packing import Packing
from tests.ops.grid import LAW, answers, inputs_of, law_answers, relative_error, rounded

GPU = torch.cuda.is_available()
gpu = pytest.mark.gpu
cuda_only = [gpu, pytest.mark.skipif(not GPU, reason="needs a CUDA device")]
SMALL, WHOLE = (1, 2, 17, 63), (1, 2, 63, 64, 200, 1000)
WIDTHS = {"odd": (37, 5), "paper": (128, 32), "wide": (512, 64)}


def case(backend, device, length, widths):
    marks = cuda_only if device == "cuda" else []
    return pytest.param(backend, device, length, WIDTHS[widths], marks=marks,
                        id=f"{backend}-{device}-{length}-{widths}")  # fmt: skip


CASES = [
    *(case("torch", "cpu", length, w) for length in WHOLE for w in ("odd", "paper")),
    *(case("triton", "cpu", length, "odd") for length in SMALL if not GPU),
    *(
        case(name, "cuda", length, w)
        for name in ("torch", "triton", "official")
        for length in WHOLE
        for w in WIDTHS
    ),
]
OPS = list(LAW)


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
    law = law_answers(op, *sizes, dtype, through_last)
    mine = answers(fn, inputs, through_last)
    for index, (ours, theirs) in enumerate(zip(mine, law, strict=True)):
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


@pytest.mark.parametrize(
    ("least", "sizes"),
    [(0, (2, 18, 37, 5)), (0, (1, 17, 32, 16)), (1000, (1, 9, 32, 16))],
    ids=["many", "many-whole", "few-whole"],
)
@pytest.mark.parametrize(
    "device", [*([] if GPU else ["cpu"]), pytest.param("cuda", marks=cuda_only)]
)
def test_the_scan_is_the_same_for_few_histories_and_for_many(device, least, sizes, monkeypatch):
    """Their programs hold other tiles; whole ones leave the masks out."""
    from seqrec.ops.selective_scan import triton

    monkeypatch.setattr(triton, "FEW_ROWS", least)
    check("selective_scan", "triton", device, sizes, torch.float32, 1e-5)


STREAMING = [
    ("naive", "cpu"), ("torch", "cpu"), *([] if GPU else [("triton", "cpu")]),
    *(pytest.param(n, "cuda", marks=cuda_only) for n in ("torch", "triton", "official")),
]  # fmt: skip


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), STREAMING)
def test_two_halves_equal_the_whole(op, name, device):
    fn = getattr(resolve(name, device), op)
    *inputs, state = [x.to(device) for x in inputs_of(op, 2, 21, 6, 4)]
    timed = [x.ndim == 3 or x.shape == (2, 21) for x in inputs]
    first = [x[:, :8] if t else x for x, t in zip(inputs, timed, strict=True)]
    second = [x[:, 8:] if t else x for x, t in zip(inputs, timed, strict=True)]
    y, last = fn(*inputs, state)
    y1, middle = fn(*first, state)
    y2, end = fn(*second, middle)
    torch.testing.assert_close(torch.cat([y1, y2], dim=1), y, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(end, last, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(("name", "device"), STREAMING)
def test_without_a_state_it_starts_from_zero(op, name, device):
    fn = getattr(resolve(name, device), op)
    *inputs, state = [x.to(device) for x in inputs_of(op, 2, 9, 6, 4)]
    for ours, zero in zip(fn(*inputs), fn(*inputs, torch.zeros_like(state)), strict=True):
        torch.testing.assert_close(ours, zero, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "device"), STREAMING)
def test_without_input_time_adds_up(name, device):
    """Δ₁ then Δ₂ moves the state as Δ₁ + Δ₂ does."""
    drive, _, *rest = (x.to(device) for x in inputs_of("zoh_scan", 2, 2, 6, 4))
    scan = resolve(name, device).zoh_scan
    gaps = torch.tensor([[3.0, 4.5], [0.0, 1e3]], device=device)
    _, twice = scan(torch.zeros_like(drive), gaps, *rest)
    _, once = scan(torch.zeros_like(drive[:, :1]), gaps.sum(1, keepdim=True), *rest)
    torch.testing.assert_close(twice, once, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(
    "device", [*([] if GPU else ["cpu"]), pytest.param("cuda", marks=cuda_only)]
)
def test_packed_histories_give_what_they_give_alone(op, device):
    """No padding is read, and nothing leaks from one history into the next."""
    fn = getattr(resolve("triton", device), op)
    *inputs, _ = [x.to(device) for x in inputs_of(op, 3, 20, 6, 4)]
    timed = [x.ndim == 3 or x.shape == (3, 20) for x in inputs]
    lengths = torch.tensor([20, 1, 13], device=device)
    rows = [
        [x[b : b + 1, :length] if t else x for x, t in zip(inputs, timed, strict=True)]
        for b, length in enumerate(lengths.tolist())
    ]
    packed = [
        torch.cat([row[i][0] for row in rows]) if t else x
        for i, (x, t) in enumerate(zip(inputs, timed, strict=True))
    ]
    packing = Packing.of_lengths(lengths, 20)
    leaves = [x.clone().requires_grad_() for x in packed]
    y, _ = fn(*leaves, packing=packing)
    alone = torch.cat([fn(*row)[0][0] for row in rows])
    torch.testing.assert_close(y, alone, rtol=1e-4, atol=1e-5)
    y.square().sum().backward()
    singles = [[x.detach().clone().requires_grad_() for x in row] for row in rows]
    for row in singles:
        fn(*row)[0].square().sum().backward()
    for i, t in enumerate(timed):
        parts = [row[i].grad[0] if t else row[i].grad for row in singles]
        expected = torch.cat(parts) if t else sum(parts)
        torch.testing.assert_close(leaves[i].grad, expected, rtol=1e-4, atol=1e-4)


def at_the_end_of_memory(x):
    """A copy that ends where its allocation does: reading on would leave it."""
    whole = torch.empty(2**23, device=x.device)
    return whole[-x.numel() :].view(x.shape).copy_(x)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(
    "device", [*([] if GPU else ["cpu"]), pytest.param("cuda", marks=cuda_only)]
)
def test_empty_histories_change_nothing(op, device):
    """A batch of fixed size is filled up with them, at its end above all."""
    fn = getattr(resolve("triton", device), op)
    *inputs, _ = [x.to(device) for x in inputs_of(op, 1, 20, 6, 4)]
    timed = [x.ndim == 3 or x.shape == (1, 20) for x in inputs]
    flat = [at_the_end_of_memory(x[0]) if t else x for x, t in zip(inputs, timed, strict=True)]
    results = []
    for lengths in ([20], [0, 20, 0, 0]):
        leaves = [x.requires_grad_() for x in flat]
        packing = Packing.of_lengths(torch.tensor(lengths, device=device), 20)
        y, _ = fn(*leaves, packing=packing)
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    for plain, padded in zip(*results, strict=True):
        torch.testing.assert_close(padded, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", OPS)
def test_the_law_is_differentiable_in_double_precision(op):
    inputs = [x.double().requires_grad_() for x in inputs_of(op, 2, 3, 4, 3)]
    if op == "zoh_scan":  # a gap of 10⁹ s has no finite difference
        inputs[1] = (torch.rand(2, 3, dtype=torch.float64) * 5 + 0.1).requires_grad_()
        inputs[3] = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(LAW[op], inputs)


def test_time_scales():
    seconds = torch.tensor([0, 1, 10**9])
    assert scale_time(seconds, "seconds").tolist() == [0.0, 1.0, 1e9]
    expected = torch.log1p(seconds.double()).float()
    assert torch.equal(scale_time(seconds, "log1p"), expected)
    assert torch.equal(scale_time(seconds, "log1p_plus_one"), 1 + expected)


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


def test_a_gpu_backend_is_refused_on_a_cpu(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda _: object())
    monkeypatch.setattr(backends, "_interpreted", lambda _: False)
    with pytest.raises(ProjectError, match="'triton' runs on CUDA only, not on cpu"):
        resolve("triton", "cpu")
