"""Half rounds against slow references, the facts, the estimator, and what is refused."""

from __future__ import annotations

import contextlib
import math
import unittest

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from papers.altmin_completion import peers
from papers.altmin_completion.biases import Biases
from papers.altmin_completion.least_squares import (
    conjugate_gradient,
    plain_least_squares,
    preconditioner,
    sketched_least_squares,
)
from papers.altmin_completion.models import (
    alternate,
    distance,
    needed_rounds,
    parts,
    random_start,
    spectral_start,
)
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.problems import draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


def observed(m: int = 12, n: int = 9, share: float = 0.5, seed: int = 0) -> Observed:
    mask = torch.from_numpy(rng(seed).random((m, n)) < share)
    mask[0, 0] = True
    return Observed.of_mask(normal(m, n, seed=seed), mask)


def row_by_row(seen: Observed, partner: torch.Tensor, ridge: float = 0.0) -> torch.Tensor:
    """The smallest solution of each row's own problem."""
    found = torch.zeros(seen.shape[0], partner.shape[1], dtype=torch.float64)
    for row in range(seen.shape[0]):
        which = seen.rows == row
        a, b = partner[seen.columns[which]], seen.values[which]
        if ridge:
            gram = a.mT @ a + ridge * torch.eye(a.shape[1], dtype=torch.float64)
            found[row] = torch.linalg.solve(gram, a.mT @ b)
        elif len(b):
            found[row] = torch.linalg.pinv(a) @ b
    return found


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


SOLVERS = [
    Exact(),
    Exact("qr"),
    ConjugateGradient(3),
    ConjugateGradient(40),
    Sketched(3),
    Sketched(3, kind="count"),
    Sketched(3, kind="gaussian"),
]


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
def test_a_rank_above_the_matrix_s_leaves_entries_of_its_size(solver, seed):
    """Ones, rank 3 asked for: two columns of a basis are rounding made orthonormal, and a place
    that alone tells them apart is not known. Its guess may be wrong by its size, not by powers."""
    mask = torch.from_numpy(rng(seed).random((20, 20)) < 0.6)
    seen = Observed.of_mask(torch.ones(20, 20).double(), mask)
    found = alternate(seen, spectral_start(seen, 3), 30, solver)
    assert found.misfits[-1] < 1e-9
    assert (found.matrix() - 1).abs().max() < 10


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


def test_blocks_hold_every_entry_once_with_little_padding():
    seen = observed(40, 30, 0.3)
    total = sum(int(block.known.sum()) for block in seen.blocks)
    padded = sum(block.known.numel() for block in seen.blocks)
    assert total == len(seen.values)
    assert total >= 0.7 * padded
    back = torch.zeros(seen.shape).double()
    for block in seen.blocks:
        for row, index, values, known in zip(
            block.rows, block.index, block.values, block.known, strict=True
        ):
            back[row, index[known]] = values[known]
    torch.testing.assert_close(back, seen.filled)
    torch.testing.assert_close(seen.transposed.filled, seen.filled.mT)


def test_entries_in_any_order_are_the_same():
    seen = observed()
    order = torch.from_numpy(rng().permutation(len(seen.values)))
    mixed = Observed(seen.shape, seen.rows[order], seen.columns[order], seen.values[order])
    torch.testing.assert_close(mixed.filled, seen.filled)
    parts = seen.split(3, rng(1))
    torch.testing.assert_close(sum(part.filled for part in parts), seen.filled)


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


def test_short_rows_get_the_smallest_solution_and_are_counted():
    matrix = normal(6, 1) @ normal(1, 5, seed=1)
    mask = torch.ones(6, 5, dtype=torch.bool)
    mask[2] = False
    mask[3, 1:] = False
    found = alternate(Observed.of_mask(matrix, mask), normal(6, 2, seed=2), 5, Exact())
    assert found.short == 2
    assert found.left[2].abs().max() == 0
    assert bool(found.left.isfinite().all())


def test_rows_without_an_entry_are_left_out_of_the_error():
    problem = draw(60, 2, 0.5, rng())
    mask = problem.observed.mask.bool()
    mask[4], mask[:, 7] = False, False
    seen = Observed.of_mask(problem.truth, mask)
    found = alternate(seen, spectral_start(seen, 2), 40, Exact(), truth=problem.truth)
    assert (found.empty, found.short) == (2, 2)
    assert found.errors[-1] < 1e-10
    assert (found.matrix() - problem.truth)[4].norm() > 1e-3


def test_rounds_from_the_error_that_is_wanted():
    problem = draw(60, 2, 0.5, rng())
    assert needed_rounds(problem.observed, 1e-6) == math.ceil(math.log2(2**0.5 / 1e-6))
    start = spectral_start(problem.observed, 2)
    found = alternate(problem.observed, start, solver=Exact(), eps=1e-6, truth=problem.truth)
    assert len(found.misfits) == 21
    assert found.errors[-1] * float(problem.truth.norm()) < 1e-6
    assert needed_rounds(problem.observed, 1e6) == 1


def test_the_proof_s_parts_have_no_entry_in_common():
    """Every half round sees its own of 2 T + 1, and the start the first."""
    seen, used = observed(40, 40, 0.9), []

    class Watched(Exact):
        def solve(self, observed, partner, start):
            used.append(observed)
            return super().solve(observed, partner, start)

    first, *_ = parts(seen, 3, 5)
    alternate(seen, spectral_start(first, 2), 3, Watched(), split=True, seed=5)
    masks = [first.mask] + [
        part.mask.mT if number % 2 == 0 else part.mask for number, part in enumerate(used)
    ]
    assert len(masks) == 7
    torch.testing.assert_close(sum(masks), seen.mask)


def test_a_random_start_is_not_the_matrix_of_the_same_seed():
    problem = draw(60, 2, 0.5, rng(3))
    assert distance(random_start(problem.observed, 2, 3), problem.left) > 0.5


def test_large_starts_are_not_laid_out(monkeypatch):
    """By singular value decomposition and by Lanczos' method: the same space."""
    seen = draw(60, 2, 0.8, rng()).observed
    whole = spectral_start(seen, 2, math.inf)
    monkeypatch.setattr("papers.altmin_completion.models.DENSE_PLACES", 0)
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


def test_places_beyond_32_bits():
    """65,537 x 65,536: the place of (65,536, 0) is 2^32."""
    rows, columns = torch.tensor([[69_000, 65_536, 0], [3, 0, 0]], dtype=torch.int32)
    seen = Observed((70_000, 70_000), rows, columns, torch.tensor([3.0, 2.0, 1.0]))
    assert seen.rows.tolist() == [0, 65_536, 69_000]
    assert seen.values.tolist() == [1.0, 2.0, 3.0]
    assert Observed((65_537, 65_536), rows[1:], columns[1:], torch.ones(2)).rows.tolist() == [
        0,
        65_536,
    ]


class TestEstimator:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("sklearn")

    def test_arrays_with_nan_and_sparse_matrices(self):
        from scipy.sparse import coo_matrix
        from sklearn.base import clone

        from papers.altmin_completion.estimator import AltMinCompletion

        problem = draw(60, 2, 0.5, rng())
        seen = problem.observed
        array = np.full(seen.shape, np.nan)
        array[seen.rows, seen.columns] = seen.values
        sparse = coo_matrix((seen.values, (seen.rows, seen.columns)), shape=seen.shape)
        for solver in ("cg", "exact", "sketch"):
            model = clone(AltMinCompletion(2, solver=solver, rounds=60))
            found = model.fit(array).reconstruct()
            assert np.linalg.norm(found - problem.truth.numpy()) < 1e-5
            again = model.fit(sparse)
            np.testing.assert_allclose(again.reconstruct(), found, atol=1e-7)
            places = np.array([0, 3]), np.array([5, 1])
            np.testing.assert_allclose(again.entries_at(*places), found[places], atol=1e-7)
            assert again.components_.shape == (2, again.n_features_in_)

    @pytest.mark.parametrize(
        ("settings", "x", "said"),
        [
            ({"rank": 9}, np.ones((4, 3)), "allows 1 to 3"),
            ({}, np.full((8, 8), np.nan), "No entry"),
            ({}, np.full((8, 8), np.inf), "infinity"),
            ({}, np.ones(4), "Expected 2D array"),
            ({"solver": "adam"}, np.ones((8, 8)), "solver='adam'"),
            ({"start": "zero"}, np.ones((8, 8)), "start='zero'"),
            ({"solver": "sketch", "ridge": 0.1}, np.ones((8, 8)), "no ridge"),
            ({"rounds": 0}, np.ones((8, 8)), "most=0"),
            ({"rounds": 2.5}, np.ones((8, 8)), "most=2.5"),
            ({"rank": 2.5}, np.ones((8, 8)), "rank=2.5"),
            ({"rank": 2.5, "start": "random"}, np.ones((8, 8)), "rank=2.5"),
            ({"inner_steps": 1.5}, np.ones((8, 8)), "steps=1.5"),
            ({"tolerance": math.nan}, np.ones((8, 8)), "tolerance=nan"),
        ],
    )
    def test_mistakes_are_told(self, settings, x, said):
        from papers.altmin_completion.estimator import AltMinCompletion

        with pytest.raises(ValueError, match=said):
            AltMinCompletion(**settings).fit(x)

    def test_rows_it_has_not_seen_are_filled_in(self):
        from papers.altmin_completion.estimator import AltMinCompletion

        problem = draw(60, 2, 0.5, rng())
        array = np.full((60, 60), np.nan)
        array[problem.observed.rows, problem.observed.columns] = problem.observed.values
        model = AltMinCompletion(2, rounds=60).fit(array[:50])
        array[55] = np.nan
        found, truth = model.transform(array[50:]), problem.truth.numpy()[50:]
        np.testing.assert_allclose(np.delete(found, 5, 0), np.delete(truth, 5, 0), atol=1e-5)
        assert not found[5].any()
        np.testing.assert_array_equal(
            found[~np.isnan(array[50:])], array[50:][~np.isnan(array[50:])]
        )

    @pytest.mark.parametrize(
        ("values", "columns", "said"),
        [([1.0, 2.0], [3, 3], "given twice"), ([1.0, math.nan], [3, 4], "finite floats")],
    )
    def test_mistakes_in_what_is_to_be_filled_in_are_told(self, values, columns, said):
        from scipy.sparse import coo_matrix

        from papers.altmin_completion.estimator import AltMinCompletion

        model = AltMinCompletion(1).fit(np.ones((8, 8)))
        with pytest.raises(InvalidInputError, match=said):
            model.transform(coo_matrix((values, ([0, 0], columns)), shape=(2, 8)))
        assert not model.transform(np.full((2, 8), np.nan)).any()
        assert not model.transform(coo_matrix((2, 8))).any()

    def test_scikit_learn_s_own_checks(self):
        from sklearn.utils.estimator_checks import estimator_checks_generator

        from papers.altmin_completion.estimator import AltMinCompletion

        for estimator, check in estimator_checks_generator(AltMinCompletion(1)):
            with contextlib.suppress(unittest.SkipTest):  # of array APIs that are not on
                check(estimator)

    def test_it_is_not_fitted(self):
        from sklearn.exceptions import NotFittedError

        from papers.altmin_completion.estimator import AltMinCompletion

        with pytest.raises(NotFittedError):
            AltMinCompletion().reconstruct()


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
