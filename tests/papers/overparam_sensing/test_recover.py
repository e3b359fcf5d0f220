"""The solver for measurements alone, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from common.recovery.ground_truth import low_rank, positive_semidefinite
from common.recovery.sensing import Dense, gaussian
from papers.overparam_sensing.models import Start
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
        ({"width": 1.5}, "width=1.5; allowed: whole numbers, 1 to 5"),
        ({"seed": -1}, "seed=-1; allowed: whole numbers, 0 or more"),
        ({"tolerance": 1.0}, "tolerance=1"),
        ({"alpha": float("nan")}, "alpha=nan; allowed: above 0 and finite"),
        ({"eta": 0.0}, "eta=0.0; allowed: above 0 and finite"),
        ({"eta": -0.1}, "eta=-0.1; allowed"),
        ({"eta": float("nan")}, "eta=nan; allowed"),
        ({"beta": 0.0}, "beta=0.0; allowed"),
        ({"beta": float("inf")}, "beta=inf; allowed"),
        ({"trigger": 0.5}, "trigger=0.5; allowed: above 0 and below 0.5"),
        ({"trigger": float("nan")}, "trigger=nan; allowed"),
        ({"trigger": -1.0}, "trigger=-1.0; allowed"),
        ({"trigger": 1.0, "beta": 1.0}, "trigger=1.0; allowed: above 0 and below 1"),
        ({"beta": 10.0}, "with beta=10; allowed: below"),
        ({"eta": 100.0}, "take a smaller one"),
        ({"y": [1.0] * 30}, "y is of list; allowed: a NumPy array or a torch tensor"),
        ({"y": torch.ones(30)}, "y of torch.float32 on cpu does not go with"),
    ],
)
def test_what_cannot_be_recovered_is_told(change, said):
    a = sensing(7, 5)
    y = a.apply(low_rank([1.0], 7, 5, np.random.default_rng(0)))
    settings = {"y": y, "sensing": a, "width": 2} | change
    with pytest.raises(InvalidInputError, match=said):
        recover(**settings)


@pytest.mark.parametrize(("entry", "said"), [(float("nan"), "NaN or infinity"), (0.0, "is zero")])
def test_measurements_that_tell_nothing_are_told(entry, said):
    a = Dense(torch.full((30, 7, 5), entry, dtype=torch.float64))
    with pytest.raises(InvalidInputError, match=rf"A\*\(y\).*{said}"):
        recover(torch.ones(30, dtype=torch.float64), a, 2)


def test_rescaling_in_the_saddle_promises_nothing_and_does_not_fail():
    """Before anything of the truth has grown."""
    a = sensing(8, 8, 150)
    y = a.apply(positive_semidefinite([1.0, 0.5], 8, np.random.default_rng(0)))
    found = recover(y, a, 4, beta=1.0, trigger=0.999, alpha=0.01, steps=400)
    assert found.rebalanced_at is not None
    assert found.residuals[found.rebalanced_at] > 0.99
    assert bool(found.matrix.isfinite().all())


def test_what_was_raised_is_said(monkeypatch):
    """Factors whose columns are the same have a singular value of zero, and keep it."""
    tied = Start.draw

    def drawn(self, seeds, alphas):
        return tuple(part[..., :1].expand(part.shape).clone() for part in tied(self, seeds, alphas))

    a = sensing(8, 8, 150)
    y = a.apply(positive_semidefinite([1.0], 8, np.random.default_rng(0)))
    assert recover(y, a, 2).kept == 1
    monkeypatch.setattr(Start, "draw", drawn)
    assert recover(y, a, 2).kept < 1


def test_every_step_has_a_residual():
    a = sensing(8, 8, 150)
    y = a.apply(positive_semidefinite([1.0], 8, np.random.default_rng(0)))
    found = recover(y, a, 2, steps=37)
    assert len(found.residuals) == 38
    once = recover(y, a, 2, steps=1)
    assert found.residuals[:2] == once.residuals
