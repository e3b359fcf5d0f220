"""The solver for measurements alone, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.recovery.ground_truth import low_rank, positive_semidefinite
from common.recovery.sensing import gaussian
from papers.overparam_sensing.recover import METHODS, recover


def sensing(rows: int, columns: int, m: int = 30):
    return gaussian(m, (rows, columns), np.random.default_rng(1), m**-0.5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_recovery_of_a_matrix_of_unknown_rank(method, kind):
    truth = positive_semidefinite([4.0, 2.0], 8, np.random.default_rng(0))
    a = sensing(8, 8, 150)
    y = a.apply(truth)
    y = y.numpy() if kind == "numpy" else y
    slow = method in ("symmetric", "asymmetric")
    found = recover(y, a, 4, method=method, tolerance=3e-3 if slow else 1e-9)
    assert found.reason == "converged"
    assert type(found.matrix) is type(y)
    assert (found.rebalanced_at is not None) is (method == "one_step")
    worst = float(abs(torch.as_tensor(found.matrix) - truth).max())
    assert worst < (0.05 if slow else 1e-7)
    assert found.residuals[-1] < found.residuals[0]
    assert recover(y, a, 4, method=method, steps=3).reason == "steps"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": torch.zeros(30, dtype=torch.float64)}, "y is zero"),
        ({"y": torch.ones(29, dtype=torch.float64)}, "wanted"),
        ({"y": torch.ones(30, dtype=torch.int64)}, "Convert it first"),
        ({"y": torch.full((30,), float("nan"))}, "NaN"),
        ({"width": 0}, "width=0"),
        ({"width": 6}, "width=6"),
        ({"method": "newton"}, "allowed: one_step, asymmetric"),
        ({"method": "symmetric"}, "square matrices"),
        ({"alpha": 0.0}, "alpha=0"),
        ({"tolerance": 0.0}, "tolerance=0"),
        ({"steps": 0}, "steps=0"),
        ({"eta": 100.0}, "take a smaller one"),
    ],
)
def test_what_cannot_be_recovered_is_told(change, said):
    a = sensing(7, 5)
    y = a.apply(low_rank([1.0], 7, 5, np.random.default_rng(0)))
    settings = {"y": y, "sensing": a, "width": 2} | change
    with pytest.raises(InvalidInputError, match=said):
        recover(**settings)
