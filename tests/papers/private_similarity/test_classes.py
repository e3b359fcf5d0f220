"""Classification by means, DP-SGD, the peers on a line, the audit, and the estimators."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError, UserError
from papers.private_similarity.audit import epsilon_bound, privacy_loss
from papers.private_similarity.class_means import ClassMeans
from papers.private_similarity.class_sums import ClassSums
from papers.private_similarity.dp_sgd import DPSGD, clipped_sums, logits, noise_multiplier
from papers.private_similarity.exact import l1_sums
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.line_peers import (
    CountAndSumTrees,
    FlatSums,
    GridSums,
    best_parts,
)
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.multiplicative_weights import multiplicative_weights
from papers.private_similarity.problems import draw
from papers.private_similarity.simulation import NoNoise, Simulation


def rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    normal = torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d)))
    return torch.nn.functional.normalize(normal, dim=1)


LABELS = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1])


def test_means_of_classes_and_their_rules():
    x, y = rows(8, 5), rows(4, 5, seed=1)
    found = ClassMeans.release(x, LABELS, 3, NoNoise(), bound=10.0)
    for label in range(3):
        torch.testing.assert_close(found.means[label], x[label == LABELS].mean(0))
    distance = torch.cdist(y, found.means)
    assert found.scores(y, "nearest_mean").argmax(1).tolist() == distance.argmin(1).tolist()
    average = torch.stack([torch.cdist(y, x[c == LABELS]).square().mean(1) for c in range(3)], 1)
    assert found.scores(y).argmax(1).tolist() == average.argmin(1).tolist()


@pytest.mark.parametrize("kind", [Laplace, Gaussian])
def test_one_record_changes_the_sums_within_the_bound(kind):
    """Rows longer than the bound are cut."""
    x, seen = 3 * rows(8, 5), []

    class Backend(Simulation):
        def laplace(self, values, scale):
            seen.append((values, scale))
            return values

        gaussian = laplace

    mechanism = kind(1.0, Backend(0))
    ClassMeans.release(x, LABELS, 3, mechanism)
    ClassMeans.release(x[1:], LABELS[1:], 3, mechanism)
    apart = np.linalg.norm(seen[0][0] - seen[1][0], mechanism.norm)
    assert apart <= seen[0][1] * (1 if kind is Laplace else math.sqrt(2)) * (1 + 1e-9)


def test_private_sizes_take_a_part_of_the_budget():
    backend = Simulation(0)
    ClassMeans.release(rows(8, 5), LABELS, 3, Laplace(1.0, backend), sizes="noisy")
    assert backend.drawn == 3 * 5 + 3


@pytest.mark.parametrize("hidden", [0, 4])
def test_clipped_sums_are_those_of_the_rows(hidden):
    """Gradients of each row by automatic differentiation."""
    x, generator = 2 * rows(6, 3), torch.Generator().manual_seed(0)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    widths = [3, *([hidden] if hidden else []), 3]
    layers = [
        torch.randn(out, into + 1, generator=generator).double() for into, out in pairwise(widths)
    ]
    expected = [torch.zeros_like(layer) for layer in layers]
    for i in range(6):
        free = [layer.clone().requires_grad_() for layer in layers]
        torch.nn.functional.cross_entropy(logits(free, x[i : i + 1]), y[i : i + 1]).backward()
        norm = math.sqrt(sum(float(layer.grad.square().sum()) for layer in free))
        for total, layer in zip(expected, free, strict=True):
            total += layer.grad * min(1.0, 0.5 / norm)
    for found, total in zip(clipped_sums(layers, x, y, 0.5), expected, strict=True):
        torch.testing.assert_close(found, total)


@pytest.mark.parametrize("clip", [0.5, 2.0])
def test_noise_of_dp_sgd_is_its_deviation_times_the_clip(clip):
    """One step over all rows, twice from the same seed: what differs is noise alone."""
    x, y = rows(200, 60), torch.arange(200) % 30
    one, other = (DPSGD(1.0, 1, 3.0, noise, clip).train(x, y, 30, 0)[0] for noise in (5.0, 8.0))
    drawn = (one - other) * 200 / (3.0 * 3.0 * clip)
    assert float(drawn.std()) == pytest.approx(1, rel=0.05)
    assert abs(float(drawn.mean())) < 0.1


def l1_trees(x):
    return DistanceSums.release(x, NoNoise(), low=-4.0, high=4.0, height=10)


def test_classes_by_any_structure():
    """The nearest by average l1 distance, the most alike by average kernel."""
    centres = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]], dtype=torch.float64)
    y = torch.arange(90) % 3
    x = rows(90, 2) + centres[y]
    asked = x[:9] + 0.01
    trees = ClassSums.release(x, y, 3, l1_trees, distances=True).scores(asked)
    exact = torch.stack([-l1_sums(x[y == c], asked) / 30 for c in range(3)], 1)
    torch.testing.assert_close(trees, exact.to(trees), rtol=0.11, atol=0.05)
    drawn = FeatureMap.draw(2, 4000)
    kernels = ClassSums.release(
        x, y, 3, lambda part: KernelSums.release(part, NoNoise(), drawn), distances=False
    ).scores(asked)
    alike = torch.stack([exact_average(x[y == c], asked, "gaussian") for c in range(3)], 1)
    torch.testing.assert_close(kernels, alike.to(kernels), rtol=0, atol=0.06)


def test_dp_sgd_learns_where_noise_is_small():
    y = torch.arange(300) % 3
    x = torch.nn.functional.normalize(torch.eye(3)[y].double() + 0.3 * rows(300, 3), dim=1)
    for hidden in (0, 16):
        layers = DPSGD(0.5, 200, 8.0, 0.5, hidden=hidden).train(x, y, 3, 0)
        assert float((logits(layers, x).argmax(1) == y).double().mean()) > 0.9
    with pytest.raises(InvalidInputError, match=r"sampling=1\.5"):
        DPSGD(1.5, 10, 1.0, 1.0)


def test_noise_of_whole_batches_is_that_of_one_release():
    one = Gaussian.of(2.0, 1e-5, Simulation(0)).deviation(1.0)
    assert noise_multiplier(2.0, 1e-5, 1.0, 9) == pytest.approx(3 * one)


@pytest.mark.slow
def test_noise_of_samples_is_less():
    pytest.importorskip("opacus")
    sampled = noise_multiplier(2.0, 1e-5, 0.1, 20)
    assert 0.3 < sampled < noise_multiplier(2.0, 1e-5, 1.0, 20)


def test_accounting_names_its_extra(monkeypatch):
    import sys

    noise_multiplier.cache_clear()
    monkeypatch.setitem(sys.modules, "opacus.accountants.utils", None)
    with pytest.raises(UserError, match=r"structlab\[privacy\]"):
        noise_multiplier(2.0, 1e-5, 0.1, 20)


@pytest.mark.parametrize("name", ["uniform", "beta", "atoms"])
def test_peers_without_noise(name):
    x, y = (
        draw(name, 400, 2, np.random.default_rng(0)),
        draw("uniform", 9, 2, np.random.default_rng(1)),
    )
    exact = l1_sums(x, y)
    for released, most in (
        (FlatSums.release(x, NoNoise(), height=10), 800 / 1024),
        (GridSums.release(x, NoNoise(), parts=400), 2.0),
        (CountAndSumTrees.release(x, NoNoise(), height=10), 800 / 1024),
    ):
        assert float((released.query(y) - exact).abs().max()) <= most
    weights = multiplicative_weights(x, NoNoise(), height=6, rounds=30)
    flat = FlatSums(weights.counts, 0.0, 1.0).query(y)
    assert float(((flat - exact).abs() / exact).mean()) < 0.1


def test_noise_of_peers():
    x, y = draw("uniform", 50, 1, np.random.default_rng(0)), torch.tensor([[1 / 3]]).double()
    mechanism = Laplace(1.0, Simulation(0))
    flat = [float(FlatSums.release(x, mechanism, height=10).query(y)) for _ in range(300)]
    assert np.std(flat) == pytest.approx(15.1, rel=0.12)
    grid = [float(GridSums.release(x, mechanism, parts=3).query(y)) for _ in range(600)]
    assert np.std(grid) == pytest.approx(4 * math.sqrt(2), rel=0.1)
    assert best_parts(10_000, 1.0) == 100
    backend = Simulation(1)
    multiplicative_weights(x, Laplace(1.0, backend), height=5, rounds=3)
    assert backend.drawn == 3 * (32 + 1)


def test_the_audit_bounds_laplace_noise_from_below_and_catches_half_of_it():
    def scores(scale: float, shift: float, seed: int) -> np.ndarray:
        z = np.random.default_rng(seed).laplace(shift, scale, (20_000, 1))
        return privacy_loss(z, np.zeros(1))

    epsilon = 1.0
    sound = epsilon_bound(scores(1 / epsilon, 0, 0), scores(1 / epsilon, 1, 1))
    assert 0.8 < sound <= epsilon
    assert epsilon_bound(scores(0.5, 0, 2), scores(0.5, 1, 3)) > epsilon
    assert epsilon_bound(scores(1.0, 0, 4), scores(1.0, 0, 5)) < 0.1
    with pytest.raises(InvalidInputError, match="four at least"):
        epsilon_bound(np.ones(2), np.ones(2))


@pytest.mark.slow
def test_the_audit_of_private_noise():
    pytest.importorskip("opendp")
    from papers.private_similarity.opendp_backend import OpenDP

    mechanism = Laplace(1.0, OpenDP())
    sets = [
        torch.cat([mechanism.release(torch.full((1,), value), 1.0) for _ in range(4000)])
        for value in (0.0, 1.0)
    ]
    bound = epsilon_bound(*(privacy_loss(s.numpy()[:, None], np.zeros(1)) for s in sets))
    assert 0.5 < bound <= 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ClassMeans.release(rows(8, 2), LABELS[:5], 3, NoNoise()), "8 rows and 5 labels"),
        (lambda: ClassMeans.release(rows(8, 2), LABELS, 2, NoNoise()), "allowed: 0 to 1"),
        (lambda: ClassMeans.release(rows(8, 2), LABELS, 3, NoNoise(), bound=0.0), "bound=0.0"),
        (lambda: ClassMeans.release(rows(8, 2), LABELS, 3, NoNoise(), sizes="no"), "sizes='no'"),
        (
            lambda: ClassMeans.release(rows(8, 2), LABELS, 3, NoNoise()).scores(rows(1, 2), "vote"),
            "rule='vote'",
        ),
        (
            lambda: ClassMeans.release(rows(8, 2) / 0, LABELS, 3, NoNoise()),
            "x holds NaN or infinity",
        ),
        (lambda: ClassMeans.release(rows(8, 2), LABELS.double(), 3, NoNoise()), "whole numbers"),
        (
            lambda: ClassSums.release(rows(8, 2), LABELS, 4, l1_trees, distances=True),
            "one point or more of each",
        ),
        (lambda: GridSums.release(rows(8, 2), NoNoise(), parts=0), "parts=0"),
        (lambda: GridSums.release(rows(8, 2), NoNoise(), parts=2, high=math.inf), "finite"),
        (lambda: FlatSums.release(rows(8, 2) / 0, NoNoise()), "x holds NaN or infinity"),
        (lambda: FlatSums.release(rows(8, 2), NoNoise(), height=3).query(rows(1, 3)), "3 coord"),
        (
            lambda: GridSums.release(rows(8, 2), NoNoise(), parts=2).query(rows(1, 3)),
            "3 coordinates",
        ),
        (
            lambda: CountAndSumTrees.release(rows(8, 2), NoNoise(), height=3).query(rows(1, 3)),
            "3 coordinates",
        ),
        (
            lambda: multiplicative_weights(rows(8, 2), Gaussian(1.0, Simulation(0))),
            "Gaussian; allowed: 1 or more, and noise for the l1 norm",
        ),
        (lambda: multiplicative_weights(rows(8, 2), NoNoise(), rounds=0), "rounds=0"),
        (lambda: draw("normal", 3, 1, np.random.default_rng(0)), "a set 'normal'"),
    ],
)
def test_what_cannot_be_is_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()


class TestEstimators:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("sklearn", minversion="1.6")

    def test_conventions(self):
        """With simulated noise: what is private does not repeat, as the checks ask of a fit."""
        from sklearn.utils.estimator_checks import check_estimator

        from papers.private_similarity.estimator import (
            PrivateKernelDensity,
            PrivateMeanClassifier,
        )

        check_estimator(PrivateKernelDensity(noise="simulation", features=50), on_skip=None)
        check_estimator(PrivateMeanClassifier(1e3, noise="simulation"), on_skip=None)

    def test_private_noise_is_the_default(self):
        pytest.importorskip("opendp")
        from papers.private_similarity.estimator import (
            PrivateKernelDensity,
            PrivateMeanClassifier,
        )

        x = rows(300, 4).numpy()
        y = np.where(x[:, 0] > 0, "right", "left")
        model = PrivateMeanClassifier(50.0).fit(x, y)
        assert (model.predict(x) == y).mean() > 0.8
        again = PrivateMeanClassifier(50.0).fit(x, y)
        assert (model.means_ != again.means_).any()
        density = PrivateKernelDensity(50.0, features=20).fit(x).predict(x[:3])
        assert ((density >= 0) & (density <= 1)).all()

    @pytest.mark.parametrize("state", [np.int64(3), None, np.random.RandomState(1)])
    def test_any_random_state(self, state):
        from papers.private_similarity.estimator import PrivateKernelDensity

        model = PrivateKernelDensity(1e6, features=30, noise="simulation", random_state=state)
        assert model.fit(np.zeros((5, 2))).predict(np.zeros((1, 2))) == pytest.approx(1, abs=0.1)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [({"epsilon": 0.0}, "epsilon=0.0"), ({"noise": "none"}, "noise='none'")],
    )
    def test_mistakes_are_told(self, settings, said):
        from papers.private_similarity.estimator import PrivateKernelDensity

        with pytest.raises(InvalidInputError, match=said):
            PrivateKernelDensity(**({"noise": "simulation"} | settings)).fit(np.ones((3, 2)))
