"""The fused residual norm and cross-entropy against torch's own, on a GPU or interpreted."""

import pytest
import torch

from seqrec.ops.backend import resolve

GPU = torch.cuda.is_available()
DEVICE = pytest.param("cuda", marks=pytest.mark.gpu) if GPU else "cpu"
pytest.importorskip("triton")
pytestmark = pytest.mark.parametrize("device", [DEVICE])


def gradients(fn, inputs, *rest):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = fn(*leaves, *rest)
    weight = torch.cos(torch.arange(y.numel(), device=y.device)).view(y.shape)
    (y * weight).sum().backward()
    return [y.detach(), *(x.grad for x in leaves)]


def both(op, device, inputs, *rest):
    ours = gradients(getattr(resolve("triton", device), op), inputs, *rest)
    double = [x.double() for x in inputs]
    theirs = gradients(getattr(resolve("naive", device), op), double, *rest)
    return zip(ours, theirs, strict=True)


@pytest.mark.parametrize("shape", [(3, 7, 16), (2, 5, 33), (70, 64)])
def test_residual_norm(device, shape):
    torch.manual_seed(0)
    width = shape[-1]
    inputs = [torch.randn(shape, device=device) * 3 + 1 for _ in range(2)]
    inputs += [torch.randn(width, device=device) for _ in range(2)]
    for ours, theirs in both("residual_norm", device, inputs, 1e-12, 0.0):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5)


def test_residual_norm_drops_the_share_it_is_told_and_scales_the_rest(device):
    """With x = 0 and a wide row, the sum's values are 0 or mixed / (1 − p)."""
    norm = resolve("triton", device).residual_norm
    mixed = torch.ones(64, 64, device=device, requires_grad=True)
    weight, bias = torch.ones(64, device=device), torch.zeros(64, device=device)
    y = norm(mixed, torch.zeros_like(mixed), weight, bias, 1e-12, 0.25)
    low, high = y.min(dim=1, keepdim=True).values, y.max(dim=1, keepdim=True).values
    dropped = y == low
    assert torch.all(dropped | (y == high))
    assert 0.2 < dropped.float().mean() < 0.3
    (y * torch.randn_like(y)).sum().backward()
    assert torch.equal(mixed.grad == 0, dropped)
    again = norm(mixed, torch.zeros_like(mixed), weight, bias, 1e-12, 0.25)
    assert not torch.equal(again, y)


@pytest.mark.parametrize(("rows", "n_items"), [(1, 5), (33, 100), (6, 5000)])
def test_cross_entropy(device, rows, n_items):
    torch.manual_seed(0)
    inputs = [torch.randn(n, 16, device=device) * 2 for n in (rows, n_items)]
    targets = torch.randint(n_items, (rows,), device=device)
    for ours, theirs in both("cross_entropy", device, inputs, targets):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-6)


@pytest.fixture
def rounded_products():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("rounded_products")
@pytest.mark.parametrize(
    ("rows", "n_items", "width"), [(1, 5, 16), (33, 100, 64), (6, 5000, 24), (1300, 70, 8)]
)
def test_cross_entropy_without_logits(device, rows, n_items, width):
    """tf32 keeps ten bits on a GPU; the interpreter does not round, and must be exact."""
    torch.manual_seed(0)
    inputs = [torch.randn(n, width, device=device) for n in (rows, n_items)]
    targets = torch.randint(n_items, (rows,), device=device)
    tolerance = 5e-3 if device == "cuda" else 1e-5
    for ours, theirs in both("cross_entropy", device, inputs, targets):
        assert (ours.double() - theirs).norm() <= tolerance * theirs.norm()


@pytest.mark.usefixtures("rounded_products")
def test_positions_without_a_target_count_for_nothing(device):
    torch.manual_seed(0)
    hidden, items = (torch.randn(n, 16, device=device, requires_grad=True) for n in (40, 9))
    loss = resolve("triton", device).cross_entropy(hidden, items, hidden.new_zeros(40).long())
    assert loss == 0
    assert all((g == 0).all() for g in torch.autograd.grad(loss, (hidden, items)))


@pytest.mark.parametrize(
    ("precision", "half", "width", "expected"),
    [
        ("highest", False, 16, False),
        ("high", False, 16, True),
        ("highest", True, 16, True),
        ("high", False, 130, False),
    ],
)
def test_logits_are_written_only_where_products_must_be_exact(
    device, precision, half, width, expected, monkeypatch, rounded_products
):
    from seqrec.ops.cross_entropy import triton_fused

    own, calls = triton_fused.cross_entropy, []
    monkeypatch.setattr(triton_fused, "cross_entropy", lambda *x: calls.append(1) or own(*x))
    torch.set_float32_matmul_precision(precision)
    hidden, items = (torch.randn(n, width, device=device) for n in (4, 9))
    with torch.autocast(device, torch.bfloat16, enabled=half):
        resolve("triton", device).cross_entropy(hidden, items, hidden.new_ones(4).long())
    assert bool(calls) == expected
