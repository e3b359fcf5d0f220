from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from common.data import portable

mpmath = pytest.importorskip("mpmath")  # comes with torch

RNG = np.random.default_rng(0)
NEAR_ZERO = np.concatenate([[0.0], 10 ** RNG.uniform(-20, -1, 200)])
TURNS = np.concatenate([RNG.uniform(-1, 1, 300), RNG.uniform(-1e3, 1e3, 300), NEAR_ZERO])
CASES = {
    "sin_turns": (np.concatenate([TURNS, 0.5 - NEAR_ZERO]), lambda x: mpmath.sinpi(2 * x)),
    "cos_turns": (np.concatenate([TURNS, 0.25 + NEAR_ZERO]), lambda x: mpmath.cospi(2 * x)),
    "exp": (np.concatenate([RNG.uniform(-1, 1, 300), RNG.uniform(-690, 690, 300)]), mpmath.exp),
    "log": (
        np.concatenate(
            [RNG.uniform(1e-9, 3, 300), 1 + NEAR_ZERO, 10 ** RNG.uniform(-300, 300, 99)]
        ),
        mpmath.log,
    ),
}
# SHA-256 of the little-endian outputs at the arguments of `grid`
PINNED = {
    "sin_turns": "e7844050f24c9da4b7651ac5b1ca0ad6359021c598d79bc0ea098bac9a49b76b",
    "cos_turns": "7846f14a6c50a02e26b566c4e9361bff0d6fdae24908addc62a135e861e6a2f1",
    "exp": "9c6e3dabb080f20c0fd14cf6f05737abe4ca71dc841779a63da438cab3222d3d",
    "log": "2d1729665c3bfa51c821351cad99a3b816e0bb86f94310f6bbb750dc53b4f207",
    "atan2_turns": "b29912f986b65623e7476fbdbeed58a975562038d9b829da2e102f6f2051d5bf",
}


@pytest.fixture(autouse=True)
def denormals_count():
    """A run in the same process flushes them; the unit of the last place at 0 is one."""
    torch.set_flush_denormal(False)


def units_in_the_last_place(found: np.ndarray, exact: list) -> float:
    errors = [
        abs(mpmath.mpf(float(y)) - e) / mpmath.mpf(float(np.spacing(abs(float(e)))))
        for y, e in zip(found, exact, strict=True)
    ]
    return float(max(errors))


def sha256(values: np.ndarray) -> str:
    return hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_within_a_few_units_in_the_last_place(name):
    x, exact = CASES[name]
    with mpmath.workprec(200):
        wanted = [exact(mpmath.mpf(float(value))) for value in x]
        assert units_in_the_last_place(getattr(portable, name)(x), wanted) <= 3


def test_directions_within_a_few_units_in_the_last_place():
    y, x = RNG.integers(-40, 41, (2, 400)).astype(float)
    y[0], x[0] = 1, 0
    off_origin = (y != 0) | (x != 0)
    y, x = y[off_origin], x[off_origin]
    with mpmath.workprec(200):
        wanted = [mpmath.atan2(a, b) / (2 * mpmath.pi) for a, b in zip(y, x, strict=True)]
        assert units_in_the_last_place(portable.atan2_turns(y, x), wanted) <= 4


def test_exact_where_the_value_is():
    quarters = np.arange(-8, 9) / 4
    assert portable.sin_turns(quarters).tolist() == [0, 1, 0, -1] * 4 + [0]
    assert portable.cos_turns(quarters).tolist() == [1, 0, -1, 0] * 4 + [1]
    assert portable.exp(np.zeros(1)) == 1
    assert portable.log(np.ones(1)) == 0
    axes = portable.atan2_turns(np.array([0, 1, 0, -1, 0]), np.array([1, 0, -1, 0, 0]))
    assert axes.tolist() == [0, 0.25, 0.5, -0.25, 0]


@pytest.mark.parametrize("name", PINNED)
def test_the_same_bits_on_any_machine(name):
    grid = np.arange(1, 40_001) / 8192  # exact, and more than one block
    if name == "atan2_turns":
        y, x = np.mgrid[-20:21, -20:21]
        assert sha256(portable.atan2_turns(y, x)) == PINNED[name]
    else:
        assert sha256(getattr(portable, name)(grid)) == PINNED[name]


@pytest.mark.parametrize("shape", [(), (0,), (3, 1, 5), (portable._BLOCK + 1,)])
def test_any_shape_element_by_element(shape):
    x = np.full(shape, 0.3)
    assert portable.sin_turns(x).shape == shape
    assert (portable.sin_turns(x) == portable.sin_turns(np.array(0.3))).all()
    assert portable.cos_turns(x[..., None].T).shape == (1, *shape[::-1])
