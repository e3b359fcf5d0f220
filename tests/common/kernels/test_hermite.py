"""Normalised Hermite polynomials against SciPy's, and their orthonormality by quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import eval_hermitenorm

from common.kernels.hermite import hermite, hermite_series

POINTS = torch.linspace(-4, 4, 33, dtype=torch.float64)


def test_against_scipy():
    found = hermite(POINTS, 8)
    for j in range(9):
        wanted = eval_hermitenorm(j, POINTS.numpy()) / math.sqrt(math.factorial(j))
        assert np.abs(found[:, j].numpy() - wanted).max() < 1e-12 * max(1, np.abs(wanted).max())


def test_orthonormal_under_the_normal_law():
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    found = hermite(torch.from_numpy(nodes), 9)
    gram = (found.mT * torch.from_numpy(weights / weights.sum())) @ found
    assert (gram - torch.eye(10)).abs().max() < 1e-12


@given(st.lists(st.floats(-3, 3, allow_subnormal=False), min_size=1, max_size=8))
def test_series_are_sums(coefficients):
    wanted = hermite(POINTS, len(coefficients) - 1) @ torch.tensor(
        coefficients, dtype=torch.float64
    )
    assert torch.allclose(hermite_series(POINTS, coefficients), wanted, rtol=0, atol=1e-6)


def test_mistakes():
    with pytest.raises(ValueError, match="degree=-1"):
        hermite(POINTS, -1)
    with pytest.raises(ValueError, match="no coefficients"):
        hermite_series(POINTS, [])
