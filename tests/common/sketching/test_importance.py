"""Lewis weights, bases of ranges, and rows kept by coins, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from common.sketching.lewis import lewis_weights
from common.sketching.row_space import range_basis
from common.sketching.rows import keep_probabilities, toss


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(4, 30),
    d=st.integers(1, 4),
    p=st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0]),
    seed=st.integers(0, 50),
)
def test_lewis_weights_by_their_definition(n, d, p, seed):
    """The leverage scores of W^{1/2 - 1/p} A are w, which sum to d."""
    a = normal(n, d, seed=seed)
    w = lewis_weights(a, p)
    torch.testing.assert_close(
        leverage_scores((w ** (0.5 - 1 / p))[:, None] * a), w, rtol=1e-8, atol=1e-12
    )
    assert float(w.sum()) == pytest.approx(d)
    changed = lewis_weights(a @ normal(d, d, seed=seed + 1), p)
    torch.testing.assert_close(changed, w, rtol=1e-5, atol=1e-9)


def test_lewis_weights_of_special_rows():
    a = torch.cat([normal(9, 3), torch.zeros(1, 3).double()])
    assert float(lewis_weights(a, 1.5)[-1]) == 0
    doubled = torch.cat([a, a], 1)
    torch.testing.assert_close(lewis_weights(doubled, 4.0), lewis_weights(a, 4.0))
    torch.testing.assert_close(lewis_weights(a, 2.0), leverage_scores(a))
    # A row and its split halves: weights are shared as sensitivities are.
    split = torch.cat([a[:1] / 2 ** (1 / 3), a[:1] / 2 ** (1 / 3), a[1:]])
    torch.testing.assert_close(lewis_weights(split, 3.0)[0] * 2, lewis_weights(a, 3.0)[0])


def test_kinds_and_precisions_of_lewis_weights():
    a = rng().standard_normal((20, 3))
    assert isinstance(lewis_weights(a, 3.0), np.ndarray)
    single = lewis_weights(torch.from_numpy(a).float(), 3.0)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, lewis_weights(a, 3.0), rtol=1e-3)


@pytest.mark.parametrize(
    ("matrix", "p", "said"),
    [
        (np.ones((4, 2)), 0.5, "p=0.5"),
        (np.ones((4, 2)), float("nan"), "p=nan"),
        (np.ones((4, 2), dtype=int), 2.0, "Convert it first"),
        (np.full((4, 2), np.nan), 2.0, "NaN"),
        (np.full((4, 2), np.inf), 2.0, "infinity"),
        (np.zeros((4, 2)), 2.0, "The matrix is zero"),
        (np.ones((0, 2)), 2.0, "none 0"),
    ],
)
def test_mistakes_of_lewis_weights_are_told(matrix, p, said):
    with pytest.raises(InvalidInputError, match=said):
        lewis_weights(matrix, p)


def test_an_iteration_that_does_not_settle_is_told():
    with pytest.raises(InvalidInputError, match="after 2 iterations"):
        lewis_weights(normal(20, 3), 8.0, most=2)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 12), d=st.integers(1, 5), rank=st.integers(1, 5), seed=st.integers(0, 50))
def test_a_basis_spans_the_range(n, d, rank, seed):
    a = normal(n, rank, seed=seed) @ normal(rank, d, seed=seed + 1)
    basis = range_basis(a)
    assert basis.shape == (n, min(n, d, rank))
    torch.testing.assert_close(basis @ (basis.mT @ a), a, rtol=1e-8, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(5, 30),
    d=st.integers(1, 4),
    row=st.integers(0, 4),
    scale=st.sampled_from([0.0, 1e-14, 1e-9, 1.0, 1e6]),
    seed=st.integers(0, 50),
)
def test_each_row_of_a_basis_is_exact_in_its_own_length(n, d, row, scale, seed):
    """Coordinates that do for the other rows do for a light one, at any place, up to rounding times
    the condition of the matrix; zeros stay zeros."""
    a = normal(n, d, seed=seed)
    a[row] *= scale
    basis = range_basis(a)
    torch.testing.assert_close(basis.mT @ basis, torch.eye(d).double(), rtol=0, atol=1e-13)
    change = torch.linalg.lstsq(a, basis).solution
    wanted = a[row] @ change
    rounding = 64 * torch.finfo(a.dtype).eps * float(torch.linalg.cond(a))
    assert float((basis[row] - wanted).norm()) <= rounding * float(wanted.norm())


def test_columns_of_different_sizes_have_an_orthonormal_basis():
    basis = range_basis(normal(40, 4) * torch.tensor([1.0, 1e-5, 1e3, 1e-9]))
    torch.testing.assert_close(basis.mT @ basis, torch.eye(4).double(), rtol=0, atol=1e-13)


def test_what_has_no_basis_is_told():
    with pytest.raises(InvalidInputError, match="Convert it first"):
        range_basis(torch.ones(3, 2, dtype=torch.int64))
    with pytest.raises(InvalidInputError, match="wanted"):
        range_basis(torch.ones(3))


@settings(max_examples=50, deadline=None)
@given(
    scores=st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=30),
    share=st.floats(0.05, 1),
)
def test_probabilities_sum_to_what_is_expected(scores, share):
    scores = torch.tensor(scores, dtype=torch.float64)
    n = len(scores)
    expected = 1 + share * (n - 1)
    q = keep_probabilities(scores, expected)
    assert float(q.sum()) == pytest.approx(expected, rel=1e-9)
    assert float(q.max()) <= 1
    assert float(q.min()) >= 1 / n
    # Beyond the floor and below the cap they are in proportion.
    free = q < 1
    extra, own = q[free] - 1 / n, scores[free]
    if len(own):
        torch.testing.assert_close(extra * own.max(), extra.max() * own, rtol=1e-7, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    exponents=st.lists(st.integers(-330, 308), min_size=2, max_size=30),
    share=st.floats(0.001, 1),
    whole=st.integers(0, 30),
    at_a_bound=st.booleans(),
)
def test_scores_of_any_sizes(exponents, share, whole, at_a_bound):
    """Also where an expected number is what rows kept for sure leave: k + (n - k) / n."""
    scores = torch.tensor([10.0**e for e in exponents], dtype=torch.float64)
    if not float(scores.max()):
        return
    n = len(scores)
    positive = int((scores / scores.max() > 0).sum())
    k = min(whole, positive - 1)
    expected = k + (n - k) / n if at_a_bound and k else 1 + share * (positive - 1) * (1 - 1 / n)
    if not expected > 1:
        return
    q = keep_probabilities(scores, expected)
    assert float(q.sum()) == pytest.approx(expected, rel=1e-9)
    assert 1 / n * (1 - 1e-12) <= float(q.min())
    assert float(q.max()) <= 1
    order = scores.argsort()
    assert bool((q[order].diff() >= 0).all())


def test_whole_scores_are_not_cut_off():
    for dtype in (torch.int64, torch.int32, torch.uint8):
        q = keep_probabilities(torch.arange(1, 51, dtype=dtype), 20.0)
        assert q.dtype == torch.float64
        torch.testing.assert_close(q, keep_probabilities(torch.arange(1, 51).double(), 20.0))
    assert keep_probabilities(torch.ones(50).int(), 50).tolist() == [1.0] * 50
    assert keep_probabilities(torch.ones(50), 20).dtype == torch.float32


def test_coins_keep_as_often_as_they_should():
    q = torch.tensor([1.0, 0.5, 0.1, 0.0])
    draws = rng()
    kept = torch.stack([(toss(q, draws).spread(4) > 0).double() for _ in range(4000)])
    error = (q * (1 - q) / len(kept)).sqrt()
    assert bool(((kept.mean(0) - q).abs() <= 4 * error).all())
    rows = toss(q, rng(1))
    torch.testing.assert_close(rows.weights, 1 / q[rows.index])


@pytest.mark.parametrize(
    ("scores", "expected", "said"),
    [
        ([1.0, 1.0], 1.0, "above 1 to 2"),
        ([1.0, 1.0], 3.0, "above 1 to 2"),
        ([1.0, 0.0], 2.0, "above 1 to 1.5"),
        ([0.0, 0.0], 1.5, "All scores are 0"),
        ([-1.0, 1.0], 1.5, "negative"),
        ([float("nan"), 1.0], 1.5, "not finite"),
        ([], 1.5, "wanted"),
    ],
)
def test_scores_that_give_no_probabilities_are_told(scores, expected, said):
    with pytest.raises(InvalidInputError, match=said):
        keep_probabilities(torch.tensor(scores, dtype=torch.float64), expected)
