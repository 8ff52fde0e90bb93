"""The polynomials of the compiled kernels, against numpy in double precision."""

import numba
import numpy as np
import pytest

from seqrec.ops.powers import exp2, exp2m1, sine_and_cosine


@numba.njit
def evaluate(x, power, less_one, sine, cosine):
    """Each function on its own range, of which x is the part from -1 to 1."""
    for i in range(len(x)):
        power[i] = exp2(np.float32(126) * x[i])
        less_one[i] = exp2m1(np.float32(0.5) * x[i])
        sine[i], cosine[i] = sine_and_cosine(np.float32(np.pi / 2) * x[i])


def test_errors_are_those_of_single_precision():
    x = np.r_[np.linspace(-1, 1, 200_001), np.geomspace(1e-30, 1, 1000)].astype(np.float32)
    power, less_one, sine, cosine = found = np.empty((4, len(x)), np.float32)
    evaluate(x, *found)
    exact = x.astype(np.float64)
    at = (np.float32(126) * x).astype(np.float64)
    np.testing.assert_allclose(power, np.exp2(at), rtol=2.5e-7)
    np.testing.assert_allclose(less_one, np.expm1(np.log(2) * exact / 2), rtol=2.5e-7)
    angle = (np.float32(np.pi / 2) * x).astype(np.float64)
    np.testing.assert_allclose(sine, np.sin(angle), rtol=2.5e-7)
    np.testing.assert_allclose(cosine, np.cos(angle), atol=2.5e-7)


@pytest.mark.parametrize(
    ("x", "expected"),
    [(-np.inf, 0.0), (-1e30, 0.0), (0.0, 1.0), (np.nan, np.nan), (1e30, 2.0**127)],
)
def test_beyond_its_range_a_power_stays_a_number_and_nan_stays_nan(x, expected):
    found = numba.njit(lambda value: exp2(value))(np.float32(x))
    np.testing.assert_equal(found, np.float32(expected))
