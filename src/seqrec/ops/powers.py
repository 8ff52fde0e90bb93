"""Powers and waves for Numba's kernels, written so that loops over them run in vectors.

Calls into a mathematics library do not. Polynomials are Cephes' (exponential) and Taylor's (sine,
cosine); errors are a few units of single precision's last place.

Numba's caches do not notice a change in this file: change the kernels' files too.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

MATHS = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, so that they run in vectors; NaN and Inf keep their meaning."""
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
_ONE = np.float32(1.0)
_LOWEST = np.float32(-127.0)
_HIGHEST = np.float32(127.0)
_P1 = np.float32(6.931472028550421e-1)
_P2 = np.float32(2.402264791363012e-1)
_P3 = np.float32(5.550332471162809e-2)
_P4 = np.float32(9.618437357674640e-3)
_P5 = np.float32(1.339887440266574e-3)
_P6 = np.float32(1.535336188319500e-4)


@intrinsic
def _bits_as_float(typing, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@numba.njit(inline="always", fastmath=MATHS)
def power_of_two(whole):
    """Return 2ʷ, float32, of a whole number from −127 to 127; 0 at −127."""
    return _bits_as_float((np.int32(whole) + np.int32(127)) << np.int32(23))


@numba.njit(inline="always", fastmath=MATHS)
def exp2m1(f):
    """Return 2ᶠ − 1, float32, of −½ ≤ f ≤ ½, exact to the last places near 0 too."""
    p = _P6 * f + _P5
    p = p * f + _P4
    p = p * f + _P3
    p = p * f + _P2
    p = p * f + _P1
    return p * f


@numba.njit(inline="always", fastmath=MATHS)
def exp2(x):
    """Return 2ˣ, float32; 0 below −126.5, and no more than 2¹²⁷."""
    x = min(max(x, _LOWEST), _HIGHEST)
    whole = np.floor(x + np.float32(0.5))
    return (exp2m1(x - whole) + _ONE) * power_of_two(whole)


@numba.njit(inline="always", fastmath=MATHS)
def sine_and_cosine(x):
    """Return sin x and cos x, float32, of −π/2 ≤ x ≤ π/2."""
    z = x * x
    s = np.float32(-1 / 39916800) * z + np.float32(1 / 362880)
    s = s * z - np.float32(1 / 5040)
    s = s * z + np.float32(1 / 120)
    s = s * z - np.float32(1 / 6)
    k = np.float32(1 / 479001600) * z - np.float32(1 / 3628800)
    k = k * z + np.float32(1 / 40320)
    k = k * z - np.float32(1 / 720)
    k = k * z + np.float32(1 / 24)
    k = k * z - np.float32(0.5)
    return s * z * x + x, k * z + _ONE
