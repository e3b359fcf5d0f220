"""Restricted isometry against eigenvalues at full rank and a search over rank one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.recovery.isometry import restricted_isometry
from common.recovery.sensing import Population, gaussian


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_entry_measured_is_an_isometry():
    found = restricted_isometry(Population((4, 3)), 2, rng())
    assert found.constant < 1e-12


def test_full_rank_is_the_spectrum():
    sensing = gaussian(40, (4, 3), rng())
    matrix = sensing.apply(torch.eye(12).double().unflatten(-1, (4, 3)))
    spectrum = torch.linalg.svdvals(matrix).square()
    found = restricted_isometry(sensing, 3, rng(1), steps=5000)
    assert found.high == pytest.approx(float(spectrum[0]), rel=1e-6)
    assert found.low == pytest.approx(float(spectrum[-1]), rel=1e-4)


def test_no_matrix_of_rank_one_is_farther_out():
    sensing = gaussian(60, (5, 4), rng())
    found = restricted_isometry(sensing, 1, rng(1), starts=16)
    u = torch.from_numpy(rng(2).standard_normal((20_000, 5, 1)))
    v = torch.from_numpy(rng(3).standard_normal((20_000, 1, 4)))
    x = u * v / (u * v).norm(dim=(1, 2), keepdim=True)
    seen = sensing.apply(x).square().sum(-1)
    assert found.low <= float(seen.min())
    assert found.high >= float(seen.max())


def test_it_grows_with_the_rank_and_falls_with_measurements():
    few, many = (gaussian(m, (6, 6), rng()) for m in (40, 400))
    by_rank = [restricted_isometry(few, r, rng(1)).constant for r in (1, 2, 6)]
    assert by_rank == sorted(by_rank)
    assert restricted_isometry(many, 2, rng(1)).constant < by_rank[1] / 2


def test_mistakes():
    with pytest.raises(InvalidInputError, match="ranks 1 to 3"):
        restricted_isometry(Population((4, 3)), 4, rng())
    with pytest.raises(InvalidInputError, match="starts=0"):
        restricted_isometry(Population((4, 3)), 1, rng(), starts=0)
