"""l2 sums, kernels, short sums of exponentials, their peers, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.private_similarity.euclidean import DISTORTION, EuclideanSums, images
from papers.private_similarity.exponential_sums import ExponentialSum, inverse_sum
from papers.private_similarity.fast_gauss import FastGaussSums
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.simulation import NoNoise, Simulation
from papers.private_similarity.smooth import SmoothKernelSums, budget_shares
from papers.private_similarity.squared import SquaredSums, deviation


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 20), d=st.integers(1, 5), high=st.sampled_from([1.0, 3.0]))
def test_squared_sums_are_exact_without_noise(n, d, high):
    x = high * torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    y = normal(4, d)
    found = SquaredSums.release(x, NoNoise(), high).query(y)
    torch.testing.assert_close(found, torch.cdist(y, x).square().sum(1))


@pytest.mark.parametrize("mechanism", [Laplace(0.9, Simulation(0)), Gaussian(0.9, Simulation(0))])
def test_noise_of_squared_sums_has_the_closed_form(mechanism):
    x, y = torch.rand(30, 3, dtype=torch.float64), np.array([[0.5, 1.0, -1.0]])
    answers = [SquaredSums.release(x, mechanism, 2.0).query(y)[0] for _ in range(1500)]
    assert np.std(answers) == pytest.approx(float(deviation(y, mechanism, 2.0)[0]), rel=0.1)
    if isinstance(mechanism, Laplace):
        s, d, high = 2.25, 3, 2.0
        law = 18 / 0.9**2 * (s**2 + 4 * s * high**2 * d**2 + high**4 * d**2)
        assert float(deviation(y, mechanism, 2.0)[0]) == pytest.approx(math.sqrt(law))


def test_l2_sums_are_near():
    x, y = normal(60, 10) / 10, normal(5, 10, seed=1) / 10
    exact = torch.cdist(y, x).sum(1)
    released = EuclideanSums.release(x, NoNoise(), projected=256, radius=1.0, height=12)
    assert ((released.query(y, 0.02) / exact - 1).abs() < 0.1).all()
    mechanism = Laplace(1.0, Simulation(0))
    answers = [
        EuclideanSums.release(x, mechanism, projected=4, radius=1.0, height=5).query(y)
        for _ in range(250)
    ]
    still = EuclideanSums.release(x, NoNoise(), projected=4, radius=1.0, height=5)
    law = still.deviation(y, mechanism)
    assert (torch.stack(answers).std(0) / law - 1).abs().max() < 0.2


@pytest.mark.parametrize("s", [0.5, 2.0])
def test_mean_and_second_moment_of_a_kernel_under_a_projection(s):
    """E exp(-c ||G v||^2) = (1 + 2 c s / k)^(-k / 2), c = 1, 2; the bias is 0.541 / k at most."""
    from common.sketching.sketches import gaussian

    rng, k = np.random.default_rng(1), 8
    v = torch.full((6, 1), (s / 6) ** 0.5, dtype=torch.float64)
    values = np.exp(
        -np.array([float(gaussian(k, 6, rng).apply(v).square().sum()) for _ in range(4000)])
    )
    for power in (1, 2):
        law = (1 + 2 * power * s / k) ** (-k / 2)
        error = (values**power).std() / 4000**0.5
        assert abs((values**power).mean() - law) < 4 * error
    assert 0 < (1 + 2 * s / k) ** (-k / 2) - math.exp(-s) < 0.541 / k


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "laplacian"])
def test_variances_of_features(kernel):
    """Of one product with a phase 1 + k(2 z)/2 - k^2, of one pair (1 + k(2 z)) / 2 - k^2, k(2 z)
    the kernel of twice the vector: k^4 of the Gaussian, k^2 of the exponential ones."""
    x, y = normal(1, 3), normal(1, 3, seed=1)
    value = float(exact_average(x, y, kernel, 2.0))
    twice = value ** (4 if kernel == "gaussian" else 2)
    for paired, law in ((False, 1 + twice / 2 - value**2), (True, (1 + twice) / 2 - value**2)):
        drawn = FeatureMap.draw(3, 40_000, kernel=kernel, bandwidth=2.0, paired=paired)
        products = 40_000 * (drawn.apply(x) * drawn.apply(y))[0]
        products = products.unflatten(0, (2, -1)).sum(0) if paired else products
        assert float(products.var()) == pytest.approx(law, rel=0.05)


def test_one_length_under_a_projection():
    from common.sketching.sketches import gaussian

    rng, v = np.random.default_rng(0), torch.ones(1, 9, dtype=torch.float64) / 3
    lengths = torch.tensor(
        [float(images(v, gaussian(16, 9, rng)).abs().sum()) for _ in range(1500)]
    )
    assert float(lengths.mean()) == pytest.approx(1, abs=0.02)
    assert float(lengths.std()) == pytest.approx(DISTORTION / 4, rel=0.08)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "laplacian"])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_averages_of_kernels(kernel, paired, dtype):
    x, y = normal(200, 3, dtype=dtype), normal(6, 3, seed=1, dtype=dtype)
    drawn = FeatureMap.draw(3, 20_000, kernel=kernel, bandwidth=2.0, paired=paired)
    found = KernelSums.release(x, NoNoise(), drawn).query(y)
    assert found.dtype == dtype
    exact = exact_average(x, y, kernel, 2.0)
    assert float((found - exact).abs().max()) < 0.03


@pytest.mark.parametrize("reduction", ["gaussian", "very_sparse", "hadamard"])
def test_a_projection_keeps_the_kernel(reduction):
    x, y = normal(200, 200) / 200**0.5, normal(6, 200, seed=1) / 200**0.5
    drawn = FeatureMap.draw(200, 4000, projected=128, reduction=reduction, bandwidth=1.5)
    found = KernelSums.release(x, NoNoise(), drawn).query(y)
    assert float((found - exact_average(x, y, "gaussian", 1.5)).abs().max()) < 0.08


def test_maps_are_apart_from_points_of_the_same_seed():
    """A projection that repeated the points' own numbers would shorten their distances."""
    drawn = FeatureMap.draw(200, 4, projected=128, seed=0)
    rows = normal(128, 200) / 128**0.5
    assert float((drawn.reduction.matrix - rows).abs().max()) > 0.1


def test_exact_averages_pair_by_pair():
    x, y = normal(9, 2), normal(3, 2, seed=1)
    differences = y[:, None] - x
    squares, ones = differences.square().sum(-1) / 4, differences.abs().sum(-1) / 2
    for kernel, values in {
        "gaussian": torch.exp(-squares),
        "exponential": torch.exp(-squares.sqrt()),
        "laplacian": torch.exp(-ones),
        "inverse": 1 / (1 + squares.sqrt()),
        "inverse_square": 1 / (1 + squares),
    }.items():
        torch.testing.assert_close(exact_average(x, y, kernel, 2.0), values.mean(1))


def test_noise_of_kernels_is_that_of_the_law():
    n, count = 50, 200
    drawn = FeatureMap.draw(2, count, paired=False)
    x, y = normal(n, 2), normal(40, 2, seed=1)
    still = KernelSums.release(x, NoNoise(), drawn).query(y)
    mechanism = Laplace(2.0, Simulation(0))
    off = torch.stack(
        [KernelSums.release(x, mechanism, drawn).query(y) - still for _ in range(300)]
    )
    law = 2 * math.sqrt(count) / (2.0 * n)
    assert float(off.square().mean().sqrt()) == pytest.approx(law, rel=0.08)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.5), st.floats(-6, -2), st.integers(1, 15))
def test_trapezoids_have_positive_weights(step, start, terms):
    found = ExponentialSum.trapezoid(terms, step, start)
    assert min(found.weights) > 0
    assert found(np.array([0.0]))[0] == pytest.approx(sum(found.weights))
    # A fine and long one is the integral.
    fine = ExponentialSum.trapezoid(400, 0.1, -30.0)
    assert fine.error() < 1e-9


def test_short_sums_and_smooth_kernels():
    chosen = inverse_sum(8)
    assert chosen.error() <= 2.0e-3
    assert 0.99 <= sum(chosen.weights) <= 1
    x, y = normal(100, 3), normal(5, 3, seed=1)
    for kernel, power in (("inverse", 2), ("inverse_square", 2), ("inverse_l1", 1)):
        found = SmoothKernelSums.release(x, NoNoise(), kernel=kernel, features=4000).query(y)
        z = torch.cdist(y, x, p=power)
        z = z**2 if kernel == "inverse_square" else z
        assert float((found - (1 / (1 + z)).mean(1)).abs().max()) < 0.05


def test_the_split_of_the_budget_is_the_best():
    terms = inverse_sum(8)
    squares = np.array(terms.weights) ** 2
    for norm, power in ((1, 2), (2, 1)):
        weighted = np.array(budget_shares(terms, norm, "weighted"))
        assert weighted.sum() == pytest.approx(1)
        best = (squares / weighted**power).sum()
        rng = np.random.default_rng(norm)
        for _ in range(20):
            other = weighted * np.exp(0.2 * rng.standard_normal(8))
            assert (squares / (other / other.sum()) ** power).sum() >= best
    assert budget_shares(terms, 1, "equal") == [0.125] * 8


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_fast_gauss_transform(d):
    x, y = normal(100, d).clamp(-2, 2), normal(6, d, seed=1).clamp(-2, 2)
    settings = {"low": -2.0, "high": 2.0, "order": 9, "reach": 4.0}
    found = FastGaussSums.release(x, NoNoise(), **settings).query(y)
    torch.testing.assert_close(found, exact_average(x, y, "gaussian"), atol=2e-4, rtol=0)
    backend = Simulation(0)
    FastGaussSums.release(x, Laplace(1.0, backend), **settings)
    assert backend.drawn == 8**d * 9**d


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: FeatureMap.draw(2, 5, kernel="cosine"), "kernel='cosine'"),
        (lambda: FeatureMap.draw(2, 0), "0 features"),
        (lambda: FeatureMap.draw(2, 5, bandwidth=0.0), "bandwidth=0.0"),
        (lambda: FeatureMap.draw(2, 5, kernel="laplacian", projected=2), "not l1"),
        (lambda: FeatureMap.draw(2, 5, projected=2, reduction="count"), "reduction='count'"),
        (
            lambda: KernelSums.release(normal(4, 3), NoNoise(), FeatureMap.draw(2, 5)),
            "3 coordinates; the feature map takes 2",
        ),
        (lambda: KernelSums.release(normal(0, 2), NoNoise(), FeatureMap.draw(2, 5)), "one of each"),
        (
            lambda: KernelSums.release(normal(4, 2).long(), NoNoise(), FeatureMap.draw(2, 5)),
            "Convert it first",
        ),
        (
            lambda: KernelSums.release(normal(4, 2) * math.nan, NoNoise(), FeatureMap.draw(2, 5)),
            "NaN or infinity",
        ),
        (lambda: SmoothKernelSums.release(normal(4, 2), NoNoise(), kernel="t"), "kernel='t'"),
        (lambda: SmoothKernelSums.release(normal(4, 2), NoNoise(), split="half"), "split='half'"),
        (lambda: inverse_sum(0), "0 terms"),
        (lambda: SquaredSums.release(normal(4, 2), NoNoise(), 0.0), "high=0.0"),
        (lambda: SquaredSums.release(normal(4, 2), NoNoise()).query(normal(1, 3)), "3 coordinates"),
        (
            lambda: EuclideanSums.release(normal(4, 2), NoNoise(), projected=0, radius=1.0),
            "projected=0",
        ),
        (
            lambda: EuclideanSums.release(normal(4, 2), NoNoise(), projected=2, radius=math.inf),
            "radius=inf",
        ),
        (lambda: FastGaussSums.release(normal(4, 4), NoNoise(), low=0, high=1), "3 at most"),
        (lambda: FastGaussSums.release(normal(4, 1), NoNoise(), low=1, high=1), "low below high"),
    ],
)
def test_what_cannot_be_is_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()
