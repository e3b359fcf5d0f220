"""Elementary functions with the same bits on any machine.

NumPy and libm leave the last bit of sin, exp, log and arctan to the build: SIMD variants, fused
multiply-adds and C libraries differ. Here they are made of +, -, *, /, sqrt and rint, which IEEE
754 rounds one way only, each in a NumPy call of its own, so that nothing can be fused; frexp and
ldexp are exact. Angles are in turns (1 is the full circle), whose reduction is exact too. Every
function takes float64 of any shape and errs by a few units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import factorial

import numpy as np

TWO_PI = float.fromhex("0x1.921fb54442d18p+2")
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_LN2_HIGH = float.fromhex("0x1.62e42fefa0000p-1")  # its multiples by |k| < 2^13 are exact
_LN2_LOW = float.fromhex("0x1.cf79abc9e3b3ap-40")
_SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
_BLOCK = 1 << 14  # elements: the temporaries of one pass stay in the processor's cache

# Taylor coefficients, constant first, divided out so that each is the double nearest to its value
_SIN = [(-1) ** n / factorial(2 * n + 1) for n in range(12)]  # of sin(x)/x in x^2, |x| <= pi/2
_EXP = [1 / factorial(n) for n in range(15)]  # |x| <= log(2)/2
_ATANH = [1 / (2 * n + 1) for n in range(12)]  # of atanh(x)/x in x^2, |x| <= 0.172
_ATAN = [(-1) ** n / (2 * n + 1) for n in range(13)]  # of arctan(x)/x in x^2, |x| <= 0.199

Elementwise = Callable[[np.ndarray], np.ndarray]


def _blockwise(function: Elementwise) -> Elementwise:
    @wraps(function)
    def whole(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=np.float64)
        flat, out = x.reshape(-1), np.empty(x.size)
        for start in range(0, x.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = function(flat[part])
        return out.reshape(x.shape)

    return whole


@_blockwise
def sin_turns(turns: np.ndarray) -> np.ndarray:
    """sin(2 pi turns)."""
    turns = turns - np.rint(turns)
    quarter = np.abs(turns)
    quarter = np.minimum(quarter, 0.5 - quarter)
    return np.copysign(_sin_quarter(quarter), turns)


@_blockwise
def cos_turns(turns: np.ndarray) -> np.ndarray:
    """cos(2 pi turns)."""
    return _sin_quarter(0.25 - np.abs(turns - np.rint(turns)))


@_blockwise
def exp(x: np.ndarray) -> np.ndarray:
    """e^x, for |x| < 700."""
    k = np.rint(x / _LN2)
    rest = (x - k * _LN2_HIGH) - k * _LN2_LOW
    return np.ldexp(_polynomial(_EXP, rest), k.astype(np.int32))


@_blockwise
def log(x: np.ndarray) -> np.ndarray:
    """Natural logarithm of positive x."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, 2 * mantissa, mantissa)
    k = (exponent - small).astype(np.float64)
    ratio = (mantissa - 1) / (mantissa + 1)
    return k * _LN2_HIGH + (2 * ratio * _polynomial(_ATANH, ratio * ratio) + k * _LN2_LOW)


def atan2_turns(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Direction of (x, y) in turns, in (-1/2, 1/2]; 0 at the origin."""
    y, x = np.broadcast_arrays(np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64))
    high, low = np.maximum(np.abs(y), np.abs(x)), np.minimum(np.abs(y), np.abs(x))
    octant = _atan_turns(low / np.where(high == 0, 1, high))
    quadrant = np.where(np.abs(y) > np.abs(x), 0.25 - octant, octant)
    half = np.where(x < 0, 0.5 - quadrant, quadrant)
    return np.where(y < 0, -half, half)


@_blockwise
def _atan_turns(ratio: np.ndarray) -> np.ndarray:
    """Of 0..1; the angle is halved twice, since the series is slow near 1."""
    for _ in range(2):
        ratio = ratio / (1 + np.sqrt(1 + ratio * ratio))
    return 4 / TWO_PI * (ratio * _polynomial(_ATAN, ratio * ratio))


def _sin_quarter(turns: np.ndarray) -> np.ndarray:
    """sin(2 pi turns) of |turns| <= 1/4."""
    x = turns * TWO_PI
    return x * _polynomial(_SIN, x * x)


def _polynomial(coefficients: list[float], x: np.ndarray) -> np.ndarray:
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= x
        value += coefficient
    return value
