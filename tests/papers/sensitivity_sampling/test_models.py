"""Sensitivities against slow references and closed forms; samples, their rounds, the estimator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from common.sketching.rows import drawn
from papers.sensitivity_sampling import families, tables
from papers.sensitivity_sampling.bounds import lower_bounds, total_bounds, upper_bounds
from papers.sensitivity_sampling.models import KINDS, Scores, sample
from papers.sensitivity_sampling.newton import column_products, gram
from papers.sensitivity_sampling.powers import power, signed_power
from papers.sensitivity_sampling.sensitivities import estimated_total, sensitivities

POWERS = [1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 7.0]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


@pytest.mark.parametrize("exponent", [-0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4])
def test_powers_are_the_general_power(exponent):
    y = normal(50)
    torch.testing.assert_close(power(y, exponent), y.abs() ** exponent)
    if exponent >= 0:
        torch.testing.assert_close(signed_power(y, exponent), y.sign() * y.abs() ** exponent)


def test_grams_of_a_batch_are_one_by_one(monkeypatch):
    q, weights = normal(9, 3), normal(5, 9, seed=1).abs()
    monkeypatch.setattr("papers.sensitivity_sampling.newton._PRODUCTS", 100)  # two rows a block
    for found in (gram(weights, q, column_products(q)), gram(weights, q)):
        for v, h in zip(weights, found, strict=True):
            torch.testing.assert_close(h, (q.mT @ (v[:, None] * q)).tril())


def test_products_that_do_not_fit_are_made_in_blocks(monkeypatch):
    a = normal(40, 3)
    whole = sensitivities(a, 3.0)
    monkeypatch.setattr("papers.sensitivity_sampling.newton._PRODUCTS", 100)
    torch.testing.assert_close(sensitivities(a, 3.0).upper, whole.upper)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 15), p=st.sampled_from(POWERS), seed=st.integers(0, 99))
def test_sensitivities_of_the_plane_by_angles(n, p, seed):
    """No angle is above the interval, and the best is near it."""
    a = families.heavy_tailed(n, 2, rng(seed))
    found = sensitivities(a, p)
    angles = torch.arange(40_000, dtype=torch.float64) * torch.pi / 40_000
    values = (a @ torch.stack([angles.cos(), angles.sin()])).abs() ** p
    best = (values / values.sum(0)).amax(1)
    assert bool((best <= found.upper * (1 + 1e-9)).all())
    # At p = 1 the supremum stands in a kink, an angle's step from the grid.
    assert bool((best >= found.lower * (0.99 if p < 1.5 else 1 - 1e-4)).all())
    assert found.gap <= (1e-6 if p < 1.5 else 1e-8)


@pytest.mark.parametrize("p", [1.5, 3.0, 4.0])
def test_sensitivities_by_a_general_solver(p):
    a = normal(12, 3)
    found = sensitivities(a, p)
    for i in range(4):
        row = a[i].numpy()
        solved = minimize(
            lambda x: (np.abs(a.numpy() @ x) ** p).sum(),
            row / (row @ row),
            constraints={"type": "eq", "fun": lambda x, row=row: row @ x - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert float(found.lower[i]) == pytest.approx(1 / solved.fun, rel=1e-5)


@pytest.mark.parametrize("p", POWERS)
def test_points_attain_the_lower_ends(p):
    a = families.heavy_tailed(30, 3, rng())
    found = sensitivities(a, p)
    values = power(found.points @ found.basis.mT, p)
    attained = values.diagonal() / values.sum(1)
    assert bool((attained <= found.upper * (1 + 1e-9)).all())
    torch.testing.assert_close(attained, found.lower, rtol=1e-6, atol=0)


@pytest.mark.parametrize("p", POWERS)
def test_sensitivities_depend_on_the_range_alone(p):
    a = normal(20, 3)
    whole = sensitivities(a, p)
    changed = sensitivities(torch.cat([a @ normal(3, 3, seed=1), a], 1), p)
    torch.testing.assert_close(changed.upper, whole.upper, rtol=1e-6, atol=0)
    some = sensitivities(a, p, torch.tensor([7, 2]))
    torch.testing.assert_close(some.upper, whole.upper[[7, 2]], rtol=1e-7, atol=0)
    if p == 2:
        torch.testing.assert_close(whole.lower, leverage_scores(a))


@pytest.mark.parametrize("p", POWERS)
def test_copies_share_a_sensitivity_and_zeros_have_none(p):
    a = normal(15, 3)
    whole = sensitivities(a, p)
    copies = torch.cat([a[:1] / 3 ** (1 / p)] * 3 + [a[1:], torch.zeros(1, 3).double()])
    found = sensitivities(copies, p)
    torch.testing.assert_close(found.upper[:3].sum(), whole.upper[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(found.upper[3:-1], whole.upper[1:], rtol=1e-6, atol=0)
    assert (float(found.lower[-1]), float(found.upper[-1])) == (0, 0)


@pytest.mark.parametrize("p", POWERS)
def test_rows_of_zeros_have_none_at_any_place(p):
    for place in range(6):
        a = normal(20, 3, seed=place)
        a[place] = 0
        scores = Scores.of(a, p)
        s = scores.sensitivities
        assert (float(s.lower[place]), float(s.upper[place])) == (0, 0)
        assert [float(scores.by(kind)[place]) for kind in KINDS[:-1]] == [0] * 6
        assert s.gap < 1e-5


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0])
def test_light_rows_are_within_their_intervals(p):
    """s is the p-th power of a light row's scale times a constant, up to the row's own share."""
    a = normal(60, 4)
    a[0] *= 1e-12
    found = sensitivities(a, p)
    others = sensitivities(a[1:], p)  # min ||A x|| over a_0^T x = 1, the row itself left out
    assert float((found.upper[1:] / others.upper - 1).abs().max()) < 1e-7
    for scale in (1e3, 1e-2):
        moved = a.clone()
        moved[0] *= scale
        s = sensitivities(moved, p)
        assert float(s.lower[0]) <= float(found.upper[0]) * scale**p * (1 + 1e-8)
        assert float(s.upper[0]) >= float(found.lower[0]) * scale**p * (1 - 1e-8)


def test_intervals_close_to_one():
    """To the tolerance down to p = 1.05; closer S is known to a thousandth, some rows less well."""
    a = families.heavy_tailed(200, 5, rng())
    for p in (1.2, 1.1, 1.05):
        assert sensitivities(a, p).gap <= 1e-8
    assert sensitivities(a, 1.01).gap <= 1e-5
    low, high = sensitivities(a, 1.001).total
    assert low <= high <= low * 1.001
    # S falls to that of p = 1.
    assert low == pytest.approx(sensitivities(a, 1.0).total[0], rel=2e-3)


def test_equal_rows_and_one_column():
    same = sensitivities(torch.ones(8, 3).double(), 3.0)
    torch.testing.assert_close(same.upper, torch.full((8,), 1 / 8).double())
    assert same.basis.shape == (8, 1)
    column = normal(9, 1)
    torch.testing.assert_close(
        sensitivities(column, 1.5).upper, power(column[:, 0], 1.5) / power(column, 1.5).sum()
    )


@settings(max_examples=20, deadline=None)
@given(
    p=st.sampled_from([1.0, 1.5, 2.5, 4.0]), d=st.integers(1, 4), seed=st.integers(0, 99),
)  # fmt: skip
def test_sandwiches(p, d, seed):
    scores = Scores.of(families.heavy_tailed(25, d, rng(seed)), p)
    s = scores.sensitivities
    assert bool((lower_bounds(scores.lewis, scores.leverage, p) <= s.upper * (1 + 1e-7)).all())
    assert bool((upper_bounds(scores.lewis, scores.leverage, p) >= s.lower * (1 - 1e-7)).all())
    low, high = total_bounds(d, p)
    assert low * (1 - 1e-7) <= s.total[1]
    assert s.total[0] <= high * (1 + 1e-7)


def test_the_rank_of_structured_matrices():
    sparse = families.low_rank_plus_sparse(40, 6, 2, rng())
    assert torch.linalg.matrix_rank(sparse) == 6
    both = families.gaussian_and_identity(10, 3, 4, rng())
    assert both.shape == (22, 6)
    assert float(both[10:, :3].abs().max()) == 0
    with pytest.raises(InvalidInputError, match="allowed: gaussian"):
        families.draw("cauchy", 9, 3, rng())
    with pytest.raises(InvalidInputError, match="as many columns"):
        families.draw("t", 3, 9, rng())


def test_arrays_come_back_as_they_came():
    a = rng().standard_normal((20, 3))
    found = sensitivities(a, 3.0)
    assert isinstance(found.upper, np.ndarray)
    single = sensitivities(torch.from_numpy(a).float(), 3.0)
    assert isinstance(single.upper, torch.Tensor)
    assert single.upper.dtype == torch.float64
    np.testing.assert_allclose(single.upper, found.upper, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"p": 0.9}, "p=0.9"),
        ({"p": float("inf")}, "p=inf"),
        ({"matrix": np.ones((4, 2), dtype=int)}, "Convert it first"),
        ({"matrix": np.full((4, 2), np.nan)}, "NaN"),
        ({"matrix": np.zeros((4, 2))}, "is zero"),
        ({"matrix": np.ones((4, 0))}, "none 0"),
        ({"rows": np.array([4])}, "there are 0 to 3"),
        ({"rows": np.array([0.5])}, "row numbers"),
        ({"rows": np.array([], dtype=int)}, "not empty"),
    ],
)
def test_what_has_no_sensitivities_is_told(change, said):
    given_ = {"matrix": rng().standard_normal((4, 2)), "p": 3.0} | change
    with pytest.raises(InvalidInputError, match=said):
        sensitivities(**given_)


def test_an_estimated_total_is_right_in_the_mean():
    a = families.heavy_tailed(200, 3, rng())
    total = sensitivities(a, 3.0).total[1]
    found = [estimated_total(a, 3.0, 10, rng(seed)) for seed in range(100)]
    error = np.std([one.mean for one in found]) / len(found) ** 0.5
    assert abs(np.mean([one.mean for one in found]) - total) < 4 * error
    assert np.mean([one.error for one in found]) == pytest.approx(error * 100**0.5, rel=0.5)
    with pytest.raises(InvalidInputError, match="2 or more"):
        estimated_total(a, 3.0, 1, rng())


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("kind", ["sensitivity", "uniform"])
def test_samples_are_right_in_the_mean(p, kind):
    """E ||S A x||_p^p = ||A x||_p^p, which a scaling by 1 / q or q^{-1/2} would miss."""
    a, x = normal(30, 3), normal(3, seed=1)
    scores = Scores.of(a, p).by(kind)
    draws = rng(2)
    ratios = [
        float(power(drawn(scores, 12, draws).rows(a, p) @ x, p).sum() / power(a @ x, p).sum())
        for _ in range(1500)
    ]
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / len(ratios) ** 0.5


def test_every_kind_of_score_samples():
    a = rng().standard_normal((50, 3))
    for kind in KINDS:
        found = sample(a, 3.0, 20, rng(), scores=kind)
        assert 5 < len(found.index) < 40
    own = sample(a, 3.0, 20, rng(), scores=np.ones(50))
    torch.testing.assert_close(own.index, sample(a, 3.0, 20, rng(), scores="uniform").index)
    whole = sample(a, 3.0, 20, rng(), scores=np.ones(50, dtype=int))
    torch.testing.assert_close(own.index, whole.index)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": "best"}, "scores='best'"),
        ({"scores": np.ones(30)}, "wanted: one a row"),
        ({"scores": np.ones(100)}, "wanted: one a row"),
        ({"scores": np.ones((50, 1))}, "wanted: one a row"),
        ({"scores": np.ones(50), "matrix": np.full((50, 3), np.nan)}, "NaN"),
        ({"scores": np.full(50, -1.0)}, "negative"),
        ({"p": 0.5}, "p=0.5"),
        ({"expected": 51}, "51 expected rows"),
    ],
)
def test_what_cannot_be_sampled_is_told(change, said):
    given_ = {"matrix": rng().standard_normal((50, 3)), "p": 3.0, "expected": 20, "rng": rng()}
    with pytest.raises(InvalidInputError, match=said):
        sample(**given_ | change)


def test_tables():
    pytest.importorskip("sklearn")
    shapes = {name: tuple(tables.load(name).matrix.shape) for name in tables.REAL}
    assert shapes == {"wine": (178, 14), "diabetes": (442, 11), "digits": (1797, 62)}
    reduced = tables.load("digits", 12)
    torch.testing.assert_close(reduced.matrix.mT @ reduced.matrix / 1797, torch.eye(13).double())
    assert reduced.entry["is_paper_data"] is False
    with pytest.raises(InvalidInputError, match="allowed: wine"):
        tables.load("iris")
    with pytest.raises(InvalidInputError, match="allows 1 to 13"):
        tables.load("wine", 14)
