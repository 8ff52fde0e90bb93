"""The fast scans against the naive ones: values, every gradient, state in and out."""

import pytest
import torch

from seqrec.ops.linear_scan import linear_scan, linear_scan_naive
from seqrec.ops.selective_scan import selective_scan, selective_scan_naive

LENGTHS = [1, 2, 15, 16, 17, 63, 200]


def linear_inputs(length, dtype=torch.complex128):
    torch.manual_seed(length)
    decay = torch.polar(torch.rand(3, length, 5), torch.randn(3, length, 5)).to(dtype)
    decay[:, ::3] = 1  # ties
    decay[:, 1::5] = 0  # a gap that wipes the state
    return [decay, torch.randn(3, length, 5, dtype=dtype), torch.randn(3, 5, dtype=dtype)]


def selective_inputs(length, dtype=torch.float64):
    torch.manual_seed(length)
    u, dt = torch.randn(3, length, 7), torch.rand(3, length, 7)
    dt[:, ::4] = 1e4  # exp(dt A) underflows
    A = -torch.rand(7, 5) - 0.1
    B, C, state = torch.randn(3, length, 5), torch.randn(3, length, 5), torch.randn(3, 7, 5)
    return [x.to(dtype) for x in (u, dt, A, B, C, state)]


def outputs_and_gradients(scan, inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y, last = scan(*leaves)
    weight = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view_as(y).to(y.dtype)
    loss = torch.view_as_real(y * weight).sum() if y.is_complex() else (y * weight).sum()
    (loss + (last.abs() ** 2).sum()).backward()
    return [y.detach(), last.detach(), *(x.grad for x in leaves)]


def relative_error(ours, law):
    return (ours - law).abs().max() / law.abs().max().clamp(min=1e-30)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("scan", "law", "make"),
    [
        (linear_scan, linear_scan_naive, linear_inputs),
        (selective_scan, selective_scan_naive, selective_inputs),
    ],
)
def test_values_and_gradients_match_the_law(scan, law, make, length):
    inputs = make(length)
    for ours, theirs in zip(
        outputs_and_gradients(scan, inputs), outputs_and_gradients(law, inputs), strict=True
    ):
        assert torch.isfinite(torch.view_as_real(ours) if ours.is_complex() else ours).all()
        assert relative_error(ours, theirs) < 1e-12


@pytest.mark.parametrize(
    ("scan", "law", "make", "single"),
    [
        (linear_scan, linear_scan_naive, linear_inputs, torch.complex64),
        (selective_scan, selective_scan_naive, selective_inputs, torch.float32),
    ],
)
def test_single_precision_is_close_to_the_law_in_double(scan, law, make, single):
    inputs = make(200)
    ours = outputs_and_gradients(scan, [x.to(single) for x in inputs])
    for mine, theirs in zip(ours, outputs_and_gradients(law, inputs), strict=True):
        assert relative_error(mine.to(theirs.dtype), theirs) < 1e-5


@pytest.mark.parametrize(
    ("scan", "make"), [(linear_scan, linear_inputs), (selective_scan, selective_inputs)]
)
def test_two_halves_equal_the_whole(scan, make):
    inputs = make(63)
    along_time = [x.ndim == 3 and x.shape[1] == 63 for x in inputs]
    first = [x[:, :20] if t else x for x, t in zip(inputs, along_time, strict=True)]
    second = [x[:, 20:] if t else x for x, t in zip(inputs, along_time, strict=True)]
    y, last = scan(*inputs)
    y1, middle = scan(*first)
    y2, end = scan(*second[:-1], middle)
    torch.testing.assert_close(torch.cat([y1, y2], dim=1), y)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize(
    ("scan", "make"), [(linear_scan, linear_inputs), (selective_scan, selective_inputs)]
)
def test_without_a_state_it_starts_from_zero(scan, make):
    *inputs, state = make(9)
    torch.testing.assert_close(scan(*inputs), scan(*inputs, torch.zeros_like(state)))


@pytest.mark.parametrize(
    ("scan", "make"), [(linear_scan, linear_inputs), (selective_scan, selective_inputs)]
)
def test_gradcheck(scan, make):
    inputs = [x.clone().requires_grad_() for x in make(4)]
    if scan is selective_scan:
        inputs[1] = (torch.rand(3, 4, 7, dtype=torch.float64) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(scan, inputs)
