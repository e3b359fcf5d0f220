"""Distortions: exact cases by definition, ascents against them, rows that are needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.sketching.rows import drawn
from papers.sensitivity_sampling import families
from papers.sensitivity_sampling.ascent import Ratio, extremes
from papers.sensitivity_sampling.distortion import _SMOOTHING, Original, distortion
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.powers import power
from papers.sensitivity_sampling.rays import every_ray, polished, ratios
from papers.sensitivity_sampling.row_counts import (
    good_half_of_the_time,
    least_rows,
    least_rows_identity,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def case(n: int, d: int, p: float, m: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    a = families.heavy_tailed(n, d, rng(seed))
    return a, drawn(Scores.of(a, p).by("lewis"), m, rng(seed + 1)).spread(n)


def by_chance(a: torch.Tensor, b: torch.Tensor, p: float) -> tuple[float, float]:
    """Extremes of R over many x, those of the rows among them."""
    d = a.shape[1]
    x = torch.from_numpy(rng().standard_normal((d, 20_000)))
    x = torch.cat([x, torch.linalg.pinv(a)], 1)
    values = power(a @ x, p)
    found = (b @ values) / values.sum(0)
    return float(found.min()), float(found.max())


@settings(max_examples=25, deadline=None)
@given(
    d=st.integers(1, 4),
    p=st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0]),
    seed=st.integers(0, 99),
)
def test_no_x_is_beyond_it(d, p, seed):
    a, b = case(40, d, p, 20, seed)
    found = distortion(a, b, p)
    low, high = by_chance(a, b, p)
    assert found.above >= (high - 1) - 1e-4
    assert found.below >= (1 - low) - 1e-4
    assert found.value == max(found.above, found.below)


@pytest.mark.parametrize(
    ("p", "d", "kind"),
    [(2.0, 5, "exact"), (1.0, 3, "exact"), (1.0, 2, "exact"), (3.0, 2, "grid"), (1.5, 2, "grid")],
)
def test_ascents_reach_what_is_known(p, d, kind):
    for seed in range(3):
        a, b = case(120, d, p, 40, seed)
        original = Original.of(a, p)
        exact = original.distortion(b)
        assert exact.kind == kind
        low, high = original._by_ascent(b)
        assert high - 1 == pytest.approx(exact.above, abs=1e-6)
        assert 1 - low == pytest.approx(exact.below, abs=1e-6)


def test_of_squares_it_is_an_eigenvalue():
    a, b = case(30, 4, 2.0, 15, 0)
    inner = torch.linalg.inv(torch.linalg.cholesky(a.mT @ a))
    values = torch.linalg.eigvalsh(inner @ (a.mT * b) @ a @ inner.mT)
    found = distortion(a.numpy(), b.numpy(), 2.0)
    assert found.above == pytest.approx(float(values[-1]) - 1)
    assert found.below == pytest.approx(1 - float(values[0]))


def test_of_the_stacked_identity_it_is_the_worst_block():
    a = families.stacked_identity(60, 4)
    for p in (1.0, 1.5, 3.0):
        b = drawn(torch.ones(60).double(), 30, rng(3)).spread(60)
        means = b.reshape(15, 4).mean(0)
        assert distortion(a, b, p).value == pytest.approx(float((means - 1).abs().max()))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("d", [2, 3, 4])
def test_samples_that_miss_a_direction(p, d):
    a = families.gaussian(30, d, rng())
    b = torch.zeros(30).double()
    b[: d - 1] = 2.0
    found = distortion(a, b, p)
    # The x that the kept rows do not see, by least squares: R is 0 there.
    unseen = torch.linalg.svd(a[: d - 1], full_matrices=True)[2][-1]
    values = power(a @ unseen, p)
    assert float(b @ values / values.sum()) < 1e-14
    assert found.below == 1
    assert Original.of(a, p)._unseen(b) == 0
    every = torch.full((30,), 2.0).double()  # sees all x: nothing is set to 0 by itself
    assert Original.of(a, p)._unseen(every) == pytest.approx(2)
    assert found.above >= by_chance(a, b, p)[1] - 1 - 1e-4
    nothing = distortion(a, 0 * b, p)
    assert (nothing.above, nothing.below, nothing.value) == (-1, 1, 1)


def test_all_rows_are_no_distortion():
    a = families.gaussian(30, 3, rng())
    for p in (1.0, 1.5, 2.0, 4.0):
        assert distortion(a, torch.ones(30).double(), p).value == pytest.approx(0, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(p=st.sampled_from([1.0, 1.5, 3.0]), seed=st.integers(0, 50))
def test_gradients_are_those_of_the_ratio(p, seed):
    a, b = case(20, 3, p, 12, seed)
    kept = b.nonzero()[:, 0]
    smoothing = _SMOOTHING if p == 1 else 0.0
    ratio = Ratio(a, kept, b[kept], p, smoothing)
    x = torch.from_numpy(rng(seed).standard_normal((1, 3))).requires_grad_()
    # The width of the smoothing follows x; its own slope is left out of the gradient.
    y = x @ a.mT
    if p == 1:
        y = (y.square() + (smoothing * x.detach().norm() * 20**-0.5) ** 2).sqrt()
    value = (y[:, kept].abs() ** p @ b[kept]).log() - (y.abs() ** p).sum().log()
    found, gradient = ratio.log_and_gradient(x.detach())
    torch.testing.assert_close(found, value.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(value.sum(), x)[0])
    if p == 1:
        step = 1e-6 * torch.eye(3).double()
        up, down = (ratio.log_and_gradient(x.detach() + s)[0] for s in (step, -step))
        slope = (up - down) / 2e-6
        # What is left out: of each |y| at most width^2 / |y| / ||x||, the width a hundredth.
        assert float((gradient[0] - slope).norm()) <= 0.02 * float(slope.norm()) + 0.02


def test_ascents_go_up_and_down():
    a, b = case(60, 4, 3.0, 30, 0)
    original = Original.of(a, 3.0)
    ratio = original._ratio(b)
    starts = torch.from_numpy(rng().standard_normal((10, 4)))
    up = torch.arange(10) < 5
    before, after = ratio.at(starts), ratio.at(extremes(ratio, starts, up))
    assert bool((after[up] > before[up]).all())
    assert bool((after[~up] < before[~up]).all())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), up=st.booleans())
def test_polished_rays_end_at_rays(seed, up):
    """Of three columns every end is one of all rays, and never worse than the start's."""
    a, b = case(15, 3, 1.0, 9, seed)
    q = Original.of(a, 1.0).basis
    every = ratios(q, b, every_ray(q))
    x = torch.from_numpy(rng(seed).standard_normal(3))
    found = polished(q, b, x, up)
    assert float((every - found).abs().min()) < 1e-9


def test_what_is_no_sample_is_told():
    a = families.gaussian(10, 2, rng())
    for weights, said in (
        (torch.ones(9), "one for each row"),
        (torch.full((10,), -1.0), "negative"),
        (torch.full((10,), float("nan")), "not finite"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            distortion(a, weights, 2.0)
    with pytest.raises(InvalidInputError, match="p=0"):
        distortion(a, torch.ones(10), 0.0)


def test_least_rows_of_identities_by_drawing():
    copies, d, bound = 40, 3, 0.5
    least = least_rows_identity(copies, d, bound)
    draws = rng()

    def share(rows: int) -> float:
        q = rows / (copies * d)
        counts = draws.binomial(copies, q, (20_000, d)) / (copies * q)
        return float((np.abs(counts - 1).max(1) <= bound + 1e-12).mean())

    assert share(least) > 0.48
    assert share(least - 1) < 0.52
    with pytest.raises(InvalidInputError, match="too few"):
        least_rows_identity(2, 5, 0.001)


def test_least_rows_are_where_half_of_the_samples_are_good():
    a = families.gaussian(200, 3, rng())
    original, scores = Original.of(a, 2.0), Scores.of(a, 2.0).by("sensitivity")
    found = least_rows(original, scores, 6, 0.5, 9, rng(1))
    assert found / 6 == pytest.approx(1.25 ** round(np.log(found / 6) / np.log(1.25)))
    assert good_half_of_the_time(original, scores, 2 * found, 0.5, 9, rng(2))
    assert not good_half_of_the_time(original, scores, 4, 0.5, 9, rng(2))
    with pytest.raises(InvalidInputError, match="odd"):
        good_half_of_the_time(original, scores, 4, 0.5, 8, rng())
    with pytest.raises(InvalidInputError, match="more than the 200 rows"):
        least_rows(original, scores, 6, 1e-6, 3, rng())
