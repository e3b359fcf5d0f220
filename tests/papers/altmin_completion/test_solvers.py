"""Half rounds against slow references, row by row; what a fast solver does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.altmin_completion import products
from papers.altmin_completion.direct import ROUNDING
from papers.altmin_completion.least_squares import (
    conjugate_gradient,
    plain_least_squares,
    preconditioner,
    sketched_least_squares,
)
from papers.altmin_completion.models import (
    alternate,
    spectral_start,
)
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched
from tests.papers.altmin_completion.known import SOLVERS, normal, observed, rng, row_by_row


@settings(max_examples=25, deadline=None)
@given(
    m=st.integers(1, 12),
    n=st.integers(2, 10),
    k=st.integers(1, 2),
    share=st.floats(0.02, 1, allow_subnormal=False),
    method=st.sampled_from(["normal", "qr"]),
)
def test_exact_half_rounds_are_those_of_the_rows(m, n, k, share, method):
    seen = observed(m, n, share, seed=m + 13 * n)
    partner = torch.linalg.qr(normal(n, k, seed=k)).Q
    found = Exact(method).solve(seen, partner, torch.zeros(m, k).double())
    torch.testing.assert_close(found, row_by_row(seen, partner), rtol=1e-6, atol=1e-6)
    ridged = Exact(method, ridge=0.1).solve(seen, partner, found)
    torch.testing.assert_close(ridged, row_by_row(seen, partner, 0.1))


@pytest.mark.parametrize("sides", [(12, 9), (30, 2100)])
@pytest.mark.parametrize("share", [0.05, 0.6])
def test_masks_and_gathers_agree(sides, share, monkeypatch):
    """The same half round by products with the whole mask and by blocks."""
    m, n = sides
    partner = torch.linalg.qr(normal(n, 2)).Q
    start = normal(m, 2, seed=3)
    for solver in (
        Exact(),
        Exact(ridge=0.2),
        ConjugateGradient(2),
        ConjugateGradient(2, ridge=0.2),
    ):
        by = []
        for limit in (0.0, 2.0):
            monkeypatch.setattr("papers.altmin_completion.observed.DENSE_SHARE", limit)
            monkeypatch.setattr("papers.altmin_completion.observed.DENSE_SIDE", 10_000)
            by.append(solver.solve(observed(m, n, share), partner, start))
        torch.testing.assert_close(by[0], by[1], rtol=1e-6, atol=1e-7)
        seen = observed(m, n, share)
        empty = seen.counts == 0
        assert by[0][empty].abs().sum() == by[1][empty].abs().sum() == 0
        if not solver.ridge:
            short = seen.counts < 2
            torch.testing.assert_close(by[0][short], row_by_row(seen, partner)[short])


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_one_short_row_among_long_ones_spoils_nothing(solver):
    truth = normal(100, 5) @ normal(5, 80, seed=1)
    mask = torch.from_numpy(rng().random((100, 80)) < 0.6)
    mask[7] = False
    mask[7, 3] = True
    seen = Observed.of_mask(truth, mask)
    found = alternate(seen, spectral_start(seen, 5), 30, solver)
    assert found.misfits[-1] < 1e-12
    rest = torch.arange(100) != 7
    torch.testing.assert_close(found.matrix()[rest], truth[rest], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.left, row_by_row(seen, found.right), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_rank_above_the_matrix_s_meets_the_entries(solver, seed):
    """Ones, rank 3 asked for: two columns of a basis are rounding made orthonormal, and a place
    that alone tells them apart is not known. Each row has a solution of norm sqrt(20), that of the
    matrix, and the smallest is no longer, but for rounding: of 20 terms, over the least singular
    value that is not taken for 0."""
    mask = torch.from_numpy(rng(seed).random((20, 20)) < 0.6)
    seen = Observed.of_mask(torch.ones(20, 20).double(), mask)
    found = alternate(seen, spectral_start(seen, 3), 30, solver)
    assert found.misfits[-1] < 1e-9
    assert found.left.norm(dim=1).max() < (1 + 20 / ROUNDING) * 20**0.5


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_dependent_rows_of_the_partner_get_the_smallest_solution(solver, value):
    """Forty entries a row, more than 8 k, that all meet the same row of the partner."""
    partner = torch.zeros(60, 2).double()
    partner[:40, 0] = 40**-0.5
    partner[40:, 1] = 20**-0.5
    mask = torch.zeros(5, 60, dtype=torch.bool)
    mask[:, :40] = True
    mask[4] = True
    seen = Observed.of_mask(torch.full((5, 60), value).double(), mask)
    found = solver.solve(seen, partner, torch.zeros(5, 2).double())
    torch.testing.assert_close(found, row_by_row(seen, partner), rtol=1e-9, atol=1e-9)


def test_conjugate_gradients_stand_still_once_there():
    """A singular problem, many more steps than it takes: from 0 the smallest solution."""
    a = normal(4, 1, 6)
    right = a[:, 0] * normal(4, 1, seed=2)
    found = conjugate_gradient(
        lambda z: (a.mT @ (a @ z[..., None]))[..., 0],
        right,
        torch.zeros_like(right),
        50,
        a.square().sum((-1, -2))[:, None],
    )
    torch.testing.assert_close(found, right / a.square().sum((-1, -2))[:, None])


def test_sketches_are_drawn_anew_in_every_half_step():
    seen = observed(8, 60, 0.9)
    partner = torch.linalg.qr(normal(60, 2)).Q
    solver, start = Sketched(1), torch.ones(8, 2).double()
    once, again = (solver.solve(seen, partner, start) for _ in range(2))
    assert (once - again).abs().max() > 1e-6
    torch.testing.assert_close(Sketched(1).solve(seen, partner, start), once)


@pytest.mark.parametrize("solver", [ConjugateGradient(2), Sketched(6, kind="gaussian")])
def test_approximate_half_rounds_go_to_the_exact_one(solver):
    seen = observed(8, 60, 0.9)
    partner = torch.linalg.qr(normal(60, 2)).Q
    exact = Exact().solve(seen, partner, None)
    found = solver.solve(seen, partner, exact + 0.1)
    assert (found - exact).abs().max() < 1e-3
    # From the solution itself there is nothing to do.
    torch.testing.assert_close(solver.solve(seen, partner, exact), exact, rtol=1e-9, atol=1e-9)


def test_conjugate_gradients_end_after_k_steps():
    a, b = normal(3, 9, 4), normal(3, 9, 1, seed=1)
    exact = torch.linalg.solve(a.mT @ a, a.mT @ b)[..., 0]
    found = conjugate_gradient(
        lambda z: (a.mT @ (a @ z[..., None]))[..., 0],
        (a.mT @ b)[..., 0],
        torch.zeros(3, 4).double(),
        4,
        float(torch.linalg.matrix_norm(a, 2).square().max()),
    )
    torch.testing.assert_close(found, exact, rtol=1e-8, atol=1e-8)
    singles = plain_least_squares(a[0], b[0, :, 0], 4)
    torch.testing.assert_close(singles[-1], exact[0], rtol=1e-8, atol=1e-8)


def test_a_sketch_makes_the_condition_small_whatever_it_was():
    from common.sketching.sketches import gaussian

    a = torch.linalg.qr(normal(400, 10)).Q * torch.logspace(0, -8, 10, dtype=torch.float64)
    sketch = gaussian(40, 400, rng())
    r = preconditioner(sketch.apply(a))
    assert torch.linalg.cond(torch.linalg.solve_triangular(r, a, upper=True, left=False)) < 4
    b = a @ normal(10) + 0.1 * normal(400, seed=2)
    best = torch.linalg.lstsq(a, b[:, None], driver="gels").solution[:, 0]
    found = sketched_least_squares(a, b, sketch, 30)[-1]
    assert (a @ (found - best)).norm() < 1e-9
    with pytest.raises(InvalidInputError, match="as many at least"):
        preconditioner(normal(3, 4))
    for dependent in (torch.zeros(6, 2).double(), normal(60, 1) * torch.ones(2).double()):
        with pytest.raises(InvalidInputError, match="not full rank"):
            preconditioner(dependent)


def test_short_rows_get_the_smallest_solution_and_are_counted():
    matrix = normal(6, 1) @ normal(1, 5, seed=1)
    mask = torch.ones(6, 5, dtype=torch.bool)
    mask[2] = False
    mask[3, 1:] = False
    found = alternate(Observed.of_mask(matrix, mask), normal(6, 2, seed=2), 5, Exact())
    assert found.short == 2
    assert found.left[2].abs().max() == 0
    assert bool(found.left.isfinite().all())


@pytest.mark.parametrize("entries", [7, 2000])
def test_products_are_those_of_each_matrix(entries):
    """In a batch, and one by one where matrices are large."""
    a, b, z = normal(3, entries, 9), normal(3, entries, seed=1), normal(3, 9, seed=2)
    for i in range(3):
        torch.testing.assert_close(products.transposed(a, b)[i], a[i].mT @ b[i])
        torch.testing.assert_close(products.normal(a, z)[i], a[i].mT @ (a[i] @ z[i]))


def test_steps_from_0_are_those_of_a_start_of_zeros():
    a, b = normal(3, 2000, 9), normal(3, 2000, seed=1)
    cold, begun = (
        ConjugateGradient(2).of_block(a, b, x) for x in (None, torch.zeros(3, 9).double())
    )
    torch.testing.assert_close(cold, begun)
