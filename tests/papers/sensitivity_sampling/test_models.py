"""Sensitivities against slow references and closed forms; samples, their rounds, the estimator."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from common.sketching.rows import drawn
from papers.sensitivity_sampling import families, laws, tables
from papers.sensitivity_sampling.bounds import lower_bounds, total_bounds, upper_bounds
from papers.sensitivity_sampling.flattening import flatten
from papers.sensitivity_sampling.models import KINDS, Scores, sample
from papers.sensitivity_sampling.newton import column_products, gram
from papers.sensitivity_sampling.powers import power, signed_power
from papers.sensitivity_sampling.recursive import (
    flattened,
    halved,
    root_leverage,
    root_leverage_above_two,
)
from papers.sensitivity_sampling.regression import loss, regress
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


def test_closed_forms():
    assert laws.gaussian_total(6, 2) == pytest.approx(6)
    assert laws.gaussian_total(12, 4) == pytest.approx(56)
    assert laws.complete_graph_sensitivity(5, 2) == pytest.approx(2 / 5)
    for p in (1.0, 3.0):
        found = sensitivities(families.complete_graph(5), p)
        wanted = laws.complete_graph_sensitivity(5, p)
        torch.testing.assert_close(found.upper, torch.full((10,), wanted).double())
    assert sensitivities(families.stacked_identity(12, 4), 3.0).total[1] == pytest.approx(4)
    assert sensitivities(families.half_turn(7), 4.0).total[1] == pytest.approx(8 / 3)


def test_bounds_of_row_numbers():
    assert laws.rows_by_total(4, 1.5) == pytest.approx(4 ** (4 / 3))
    assert laws.rows_by_total(4, 4) == pytest.approx(8)
    assert laws.rows_below_two(4, 9, 1) == pytest.approx(12)
    assert laws.rows_combined(16, 4, 4) == pytest.approx(32)
    assert laws.total_that_pays(5, 4) == pytest.approx(25)
    assert laws.total_that_pays(5, 2) == float("inf")
    assert laws.root_leverage_fixed_point(8, 0.2, 1.5) == pytest.approx(68.4, abs=0.01)


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
    with pytest.raises(InvalidInputError, match="scores='best'"):
        sample(a, 3.0, 20, rng(), scores="best")


@settings(max_examples=20, deadline=None)
@given(p=st.sampled_from([1.5, 3.0]), factor=st.sampled_from([1.0, 4.0]), seed=st.integers(0, 99))
def test_flattening(p, factor, seed):
    a = families.heavy_tailed(30, 3, rng(seed))
    before = sensitivities(a, p)
    flat = flatten(before.upper, factor)
    after = sensitivities(flat.rows(a, p), p)
    assert len(flat.index) <= (1 + 1 / factor) * 30
    assert after.total[1] == pytest.approx(before.total[1], rel=1e-6)
    assert float(after.lower.max()) <= factor * before.total[1] / 30 * (1 + 1e-7)
    torch.testing.assert_close(flat.spread(30), torch.ones(30).double())


def test_rounds_of_halving_keep_norms():
    a, x = families.heavy_tailed(400, 3, rng()), normal(3, seed=1)
    found = halved(a, 3.0, 60, rng(1))
    assert 60 <= len(found.index) < 400
    means = [
        float(power(halved(a, 3.0, 60, rng(seed)).rows(a, 3.0) @ x, 3.0).sum())
        for seed in range(12)
    ]
    wanted = float(power(a @ x, 3.0).sum())
    assert abs(np.mean(means) - wanted) < 4 * np.std(means) / len(means) ** 0.5
    with pytest.raises(InvalidInputError, match="rows=0"):
        halved(a, 3.0, 0, rng())


def test_rounds_of_root_leverage_end_where_they_should():
    a = families.gaussian(2000, 3, rng())
    sizes, filled = zip(
        *[(len(s.index), part) for s, part in islice(root_leverage(a, 1.5, 0.2, rng()), 5)],
        strict=True,
    )
    assert sizes[0] > sizes[-1]
    assert sizes[-1] < 1.5 * laws.root_leverage_fixed_point(3, 0.2, 1.5)
    assert max(filled) <= 1 + 1e-12
    *_, above = islice(root_leverage_above_two(a, 3.0, 0.2, rng()), 5)
    assert len(above.index) < 2 * 3**1.5 / 0.2
    with pytest.raises(InvalidInputError, match="allowed: 1 to below 2"):
        next(root_leverage(a, 2.0, 0.2, rng()))
    with pytest.raises(InvalidInputError, match="alpha=0"):
        next(root_leverage_above_two(a, 3.0, 0.0, rng()))


@pytest.mark.parametrize("leverage", [True, False])
def test_flattened_samples_are_right_in_the_mean(leverage):
    a, x = families.heavy_tailed(60, 3, rng()), normal(3, seed=1)
    s, draws = sensitivities(a, 4.0).upper, rng(3)
    wanted = float(power(a @ x, 4.0).sum())
    norms = [
        float(power(found.rows(a, 4.0) @ x, 4.0).sum())
        for found in (flattened(a, 4.0, 25, draws, scores=s, leverage=leverage) for _ in range(800))
    ]
    assert abs(np.mean(norms) - wanted) < 4 * np.std(norms) / len(norms) ** 0.5


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


class TestEstimator:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("sklearn")

    def test_scikit_learn_conventions(self):
        """All of its checks; that of other arrays than NumPy's skips itself."""
        from sklearn.utils.estimator_checks import check_estimator

        from papers.sensitivity_sampling.estimator import SensitivitySampler

        for settings_ in ({}, {"p": 3.0, "scores": "lewis"}):
            check_estimator(SensitivitySampler(**settings_), on_skip=None)

    def test_a_sample(self):
        from papers.sensitivity_sampling.estimator import SensitivitySampler

        x = rng().standard_normal((100, 3)).astype(np.float32)
        model = SensitivitySampler(p=3, random_state=0).fit(x)
        kept = model.sample(40)
        again = model.sample(40)
        np.testing.assert_array_equal(kept.index, again.index)
        assert kept.rows.dtype == np.float32
        np.testing.assert_allclose(
            kept.rows, x[kept.index] * kept.weights[:, None] ** (1 / 3), rtol=1e-5
        )
        np.testing.assert_allclose(model.scores_, sensitivities(x, 3).upper)
        sizes = [
            len(SensitivitySampler(p=3, random_state=seed).fit(x).sample(40).index)
            for seed in range(20)
        ]
        assert 35 < np.mean(sizes) < 45
        assert len(set(sizes)) > 1

    @pytest.mark.parametrize(
        ("settings_", "x", "said"),
        [
            ({"p": 0.5}, np.ones((4, 2)), "p=0.5"),
            ({"scores": "best"}, np.ones((4, 2)), "scores='best'"),
            ({}, np.full((4, 2), np.inf), "infinity"),
            ({}, np.full((4, 2), np.nan), "NaN"),
            ({}, np.zeros((4, 2)), "is zero"),
        ],
    )
    def test_mistakes_are_told(self, settings_, x, said):
        from papers.sensitivity_sampling.estimator import SensitivitySampler

        with pytest.raises(ValueError, match=said):
            SensitivitySampler(**settings_).fit(x)

    def test_sizes_out_of_range_and_no_fit(self):
        from sklearn.exceptions import NotFittedError

        from papers.sensitivity_sampling.estimator import SensitivitySampler

        with pytest.raises(NotFittedError):
            SensitivitySampler().sample(2)
        with pytest.raises(ValueError, match="above 1 to 5"):
            SensitivitySampler().fit(rng().standard_normal((5, 2))).sample(6)
