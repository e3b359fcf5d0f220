"""What generators draw: the same numbers from the same seed with any NumPy, on any machine.

NumPy promises (NEP 19) that the raw words of a BitGenerator and its seeding never change; the
methods of `Generator` may change in any release, and its normal deviates also call the exp and log
of the C library. So everything is made here from raw words, by operations that are exact or
rounded one way only.
"""

from __future__ import annotations

from math import prod

import numpy as np

from common.data.portable import cos_turns, log, sin_turns

_BLOCK = 1 << 15  # pairs: the temporaries stay in the processor's cache


def uniform(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Doubles uniform on [0, 1), multiples of 2^-53 (the high bits of one word each)."""
    words = rng.bit_generator.random_raw(prod(shape))
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)


def uniform_integers(rng: np.random.Generator, low: int, high: int, size: int) -> np.ndarray:
    """Integers uniform on low..high inclusive, int64."""
    return low + (uniform(rng, size) * (high - low + 1)).astype(np.int64)


def shuffled(rng: np.random.Generator, n: int) -> np.ndarray:
    """0..n-1 in random order, int64."""
    return np.argsort(uniform(rng, n), kind="stable")


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Standard normal deviates (Box and Muller 1958), float64."""
    size = prod(shape)
    deviates = np.empty((-(-size // 2), 2))
    for start in range(0, len(deviates), _BLOCK):
        pairs = deviates[start : start + _BLOCK]
        radius, turns = uniform(rng, 2, len(pairs))
        radius = np.sqrt(-2 * log(1 - radius))
        pairs[:, 0] = radius * cos_turns(turns)
        pairs[:, 1] = radius * sin_turns(turns)
    return deviates.reshape(-1)[:size].reshape(shape)
