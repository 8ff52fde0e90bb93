import numpy as np
import pytest
import torch

from seqrec.ops.discretize import zoh

EIGENVALUES = torch.tensor([-0.5 + 3j, -0.5 - 325j, -1e-4 + 0j], dtype=torch.complex128)


def hold(eigenvalues, interval):
    return zoh(eigenvalues, interval, torch.ones(3, dtype=interval.dtype))


@pytest.mark.parametrize("interval", [0.0, 1e-6, 0.1, 1.0, 40.0, 1e9])
def test_matches_the_formula_in_double_precision(interval):
    decay, gain = hold(EIGENVALUES, torch.tensor(interval, dtype=torch.float64))
    lam = EIGENVALUES.numpy().astype(np.clongdouble)
    expected = np.exp(lam * interval)
    np.testing.assert_allclose(decay, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(gain, (expected - 1) / lam, rtol=1e-7, atol=1e-15)


def test_short_intervals_do_not_cancel_in_single_precision():
    _, gain = hold(EIGENVALUES.to(torch.complex64), torch.tensor(1e-7))
    np.testing.assert_allclose(gain, np.full(3, 1e-7), rtol=1e-4)


def test_a_tie_neither_decays_nor_drives():
    decay, gain = hold(EIGENVALUES, torch.tensor(0.0, dtype=torch.float64))
    assert (decay == 1).all()
    assert (gain == 0).all()


@pytest.mark.parametrize("interval", [0.0, 1e-6, 1.0, 1e9])
def test_gradients_are_finite(interval):
    re, im = (p.to(torch.float32).requires_grad_() for p in (EIGENVALUES.real, EIGENVALUES.imag))
    step = torch.ones(3, requires_grad=True)
    decay, gain = zoh(torch.complex(re, im), torch.tensor(interval), step)
    (decay.abs().sum() + gain.abs().sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in (re, im, step))
