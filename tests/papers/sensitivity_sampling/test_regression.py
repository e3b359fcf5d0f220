"""l_p regression against general solvers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from common.errors import InvalidInputError
from papers.sensitivity_sampling.regression import loss, regress


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_regression_by_a_general_solver(p):
    a, b = normal(25, 2), normal(25, seed=1)
    x = regress(a, b, p)
    best = min(
        minimize(
            lambda z: loss(a, b, torch.from_numpy(z), p),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12},
        ).fun
        for start in (np.zeros(2), x.numpy())
    )
    assert loss(a, b, x, p) == pytest.approx(best, rel=1e-6)
    if p == 2:
        least = torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
        torch.testing.assert_close(x, least, rtol=1e-6, atol=1e-8)


def test_regression_of_what_leaves_nothing_is_told():
    a = normal(10, 2)
    with pytest.raises(InvalidInputError, match="its loss is 0"):
        regress(a, a @ normal(2, seed=1), 3.0)
    with pytest.raises(InvalidInputError, match="one a row"):
        regress(a, normal(9), 3.0)


def test_arrays_and_sizes():
    a, b = normal(12, 2), normal(12, seed=1)
    found = regress(a, b, 3.0)
    as_array = regress(a.numpy(), b.numpy(), 3.0)
    assert isinstance(as_array, np.ndarray)
    np.testing.assert_array_equal(as_array, found)
    small = regress(a, 1e-18 * b, 3.0)
    torch.testing.assert_close(small * 1e18, found, rtol=1e-6, atol=0)
    large = regress(1e12 * a, b, 3.0)
    torch.testing.assert_close(large * 1e12, found, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("matrix", "target", "said"),
    [
        (np.full((4, 2), np.nan), np.ones(4), "matrix holds NaN"),
        (np.ones((4, 2)), np.full(4, np.inf), "target holds NaN or infinity"),
        (np.ones((4, 2), dtype=int), np.ones(4), "Convert it first"),
        (np.ones(4), np.ones(4), "rows, columns"),
    ],
)
def test_mistakes_are_told(matrix, target, said):
    with pytest.raises(InvalidInputError, match=said):
        regress(matrix, target, 3.0)
