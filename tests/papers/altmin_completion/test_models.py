"""Rounds, starts, the facts, peers, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from papers.altmin_completion import peers
from papers.altmin_completion.biases import Biases
from papers.altmin_completion.models import (
    alternate,
    distance,
    needed_rounds,
    random_start,
    spectral_start,
)
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched
from tests.papers.altmin_completion.known import SOLVERS, normal, observed, rng


@pytest.mark.parametrize("solver", [Exact(), Exact("qr"), ConjugateGradient(3), None])
def test_it_completes(solver):
    problem = draw(60, 2, 0.5, rng())
    start = spectral_start(problem.observed, 2)
    found = alternate(problem.observed, start, 40, solver, tolerance=1e-10, truth=problem.truth)
    assert found.reason == "tolerance"
    assert problem.error(found.matrix()) < 1e-8
    assert found.errors[-1] == pytest.approx(problem.error(found.matrix()))
    assert len(found.half_steps) == 2 * len(found.misfits) + 1
    last = found.half_steps[-1].basis
    assert distance(last, problem.left) < 1e-8
    torch.testing.assert_close(last.mT @ last, torch.eye(2).double())


def test_perturbed_updates_end_near_the_perturbation():
    problem = draw(60, 2, 0.6, rng())
    start = spectral_start(problem.observed, 2)
    found = alternate(problem.observed, start, 20, Exact(), perturb=1e-3, truth=problem.truth)
    assert 1e-4 < found.errors[-1] < 1e-2


def test_the_spectral_start_is_near_and_clips_a_spike():
    problem = draw(80, 2, 0.8, rng())
    assert distance(spectral_start(problem.observed, 2, math.inf), problem.left) < 0.5
    spiky = draw(80, 2, 0.8, rng(), spike=0.9)
    assert float(leverage_scores(spiky.left)[0]) == pytest.approx(0.9)
    clipped = spectral_start(spiky.observed, 2, 1.0)
    assert float(leverage_scores(clipped)[0]) < 0.2
    start = random_start(spiky.observed, 2, 0)
    torch.testing.assert_close(start.mT @ start, torch.eye(2).double())


def test_rounds_from_the_error_that_is_wanted():
    problem = draw(60, 2, 0.5, rng())
    assert needed_rounds(problem.observed, 1e-6) == math.ceil(math.log2(2**0.5 / 1e-6))
    start = spectral_start(problem.observed, 2)
    found = alternate(problem.observed, start, solver=Exact(), eps=1e-6, truth=problem.truth)
    assert len(found.misfits) == 21
    assert found.errors[-1] * float(problem.truth.norm()) < 1e-6
    assert needed_rounds(problem.observed, 1e6) == 1


def test_a_random_start_is_not_the_matrix_of_the_same_seed():
    problem = draw(60, 2, 0.5, rng(3))
    assert distance(random_start(problem.observed, 2, 3), problem.left) > 0.5


def test_large_starts_are_not_laid_out(monkeypatch):
    """By singular value decomposition and by Lanczos' method: the same space."""
    seen = draw(60, 2, 0.8, rng()).observed
    whole = spectral_start(seen, 2, math.inf)
    monkeypatch.setattr("papers.altmin_completion.models.LANCZOS_SIDE", 0)
    assert distance(spectral_start(seen, 2, math.inf), whole) < 1e-8
    flat = Observed((3, 2_000_000), *torch.tensor([[0, 1, 2], [5, 9, 7]]), torch.ones(3).double())
    assert spectral_start(flat, 2).shape == (3, 2)


def test_single_precision_stays_so():
    problem = draw(60, 2, 0.6, rng())
    seen = problem.observed
    single = Observed(seen.shape, seen.rows, seen.columns, seen.values.float())
    for solver in SOLVERS:
        found = alternate(single, spectral_start(single, 2), 30, solver)
        assert found.left.dtype == torch.float32
        assert problem.error(found.matrix().double()) < 1e-4


def test_peers_complete_too():
    problem = draw(60, 2, 0.6, rng())
    *_, by_gradient = peers.projected_gradient(problem.observed, 2, 200, width=6)
    assert problem.error(by_gradient) < 1e-6
    *_, softly = peers.soft_impute(problem.observed, 60)
    assert problem.error(softly) < 0.1
    seconds, error = peers.seconds_to(iter([problem.truth]), problem.truth, 1e-9, 1.0)
    assert (error, seconds < 1.0) == (0.0, True)
    assert peers.seconds_to(iter([0 * problem.truth]), problem.truth, 1e-9, 1.0)[0] == 1.0


def test_biases_are_the_solution_of_their_equations():
    seen = observed(7, 5, 0.7)
    found = Biases.fit(seen, ridge=2.0, sweeps=200)
    left = seen.values - found.at(seen.rows, seen.columns)
    rows = torch.zeros(7).double().index_add_(0, seen.rows, left)
    columns = torch.zeros(5).double().index_add_(0, seen.columns, left)
    torch.testing.assert_close(rows, 2.0 * found.row, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(columns, 2.0 * found.column, rtol=1e-6, atol=1e-8)


def test_biases_without_a_ridge_of_a_row_without_entries_are_0():
    seen = Observed((3, 2), torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
    found = Biases.fit(seen, ridge=0.0)
    assert found.row[1:].tolist() == [0.0, 0.0]
    torch.testing.assert_close(found.at(seen.rows, seen.columns), seen.values)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Observed((2, 2), *torch.tensor([[0, 0], [1, 1]]), torch.ones(2)), "given twice"),
        (lambda: Observed((2, 2), *torch.tensor([[0], [2]]), torch.ones(1)), "lie outside"),
        (
            lambda: Observed((2, 2), *torch.tensor([[0], [1]]), torch.ones(1).long()),
            "finite floats",
        ),
        (
            lambda: Observed((2, 2), *torch.tensor([[0, 1], [1, 0]]), torch.ones(1)),
            "as many of each",
        ),
        (
            lambda: Observed((2, 2), *torch.tensor([[0.5], [1.0]]), torch.ones(1)),
            "whole numbers",
        ),
        (lambda: Biases.fit(observed(), ridge=-1.0), "ridge=-1.0"),
        (lambda: observed().split(500, rng()), "too few for 500 parts"),
        (
            lambda: alternate(observed(), normal(12, 2).float(), 2),
            "rows of the entries' torch.float64",
        ),
        (lambda: alternate(observed(), normal(9, 2), 2), "allowed: 12 rows"),
        (lambda: alternate(observed(), normal(12, 2)), "most=None, eps=None"),
        (lambda: alternate(observed(), normal(12, 2), eps=0.0), "eps=0.0"),
        (lambda: alternate(observed(), normal(12, 2), 2, tolerance=math.nan), "tolerance=nan"),
        (lambda: spectral_start(observed(), 2, -1.0), "mu=-1.0"),
        (lambda: spectral_start(observed(), 2.5), "rank=2.5"),
        (lambda: ConjugateGradient(1.5), "steps=1.5"),
        (lambda: Sketched(factor=0), "factor=0"),
        (lambda: Exact("lu"), "method='lu'"),
        (lambda: Exact(ridge=-1.0), "ridge=-1.0"),
        (lambda: ConjugateGradient(0), "steps=0"),
        (lambda: Sketched(kind="fourier"), "kind='fourier'"),
        (lambda: draw(10, 2, 0.0, rng()), "share=0.0"),
        (lambda: draw(10, 2, 0.5, rng(), kappa=0.5), "kappa=0.5"),
        (lambda: spectral_start(observed(), 10), "allows 1 to 9"),
    ],
)
def test_what_cannot_be_is_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()
