"""Budgets of all structures: what is released of neighbouring points, against the noise on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from papers.private_similarity.class_means import ClassMeans
from papers.private_similarity.euclidean import EuclideanSums
from papers.private_similarity.fast_gauss import FastGaussSums
from papers.private_similarity.kernels import FeatureMap, KernelSums
from papers.private_similarity.line_peers import CountAndSumTrees, FlatSums, GridSums
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.multiplicative_weights import multiplicative_weights
from papers.private_similarity.smooth import SmoothKernelSums
from papers.private_similarity.squared import SquaredSums
from tests.papers.private_similarity.recorded import Recorder, gaussian_loss, laplace_loss, pairs

BUDGET = 0.7
SIZE = 60


def classes(sizes: str):
    """The last column chooses the class, so that a record takes its label along."""

    def release(x, mechanism):
        labels = (x[:, -1] > 0.5).long()
        return ClassMeans.release(x, labels, 2, mechanism, bound=0.5, sizes=sizes)

    return release


def kernels(**how):
    paired = how.pop("paired", True)
    return lambda x, m: KernelSums.release(
        x, m, FeatureMap.draw(x.shape[1], 20, paired=paired), **how
    )


STRUCTURES = {
    "trees": lambda x, m: DistanceSums.release(x, m, height=5),
    "trees of four": lambda x, m: DistanceSums.release(x, m, height=3, arity=4),
    "flat": lambda x, m: FlatSums.release(x, m, height=5),
    "grid": lambda x, m: GridSums.release(x, m, parts=6, low=-1.0, high=2.0),
    "counts and sums": lambda x, m: CountAndSumTrees.release(x, m, low=-1.0, high=2.0, height=4),
    "l2": lambda x, m: EuclideanSums.release(x, m, projected=4, radius=1.0, height=4),
    "squared": lambda x, m: SquaredSums.release(x, m, high=2.0),
    "kernels": kernels(),
    "kernels, phases": kernels(paired=False),
    "kernels, noisy size": kernels(sizes="noisy"),
    "smooth kernels": lambda x, m: SmoothKernelSums.release(x, m, terms=4, features=8),
    "smooth kernels, equal": lambda x, m: SmoothKernelSums.release(
        x, m, terms=4, features=8, split="equal"
    ),
    "fast Gauss": lambda x, m: FastGaussSums.release(x, m, low=-1.0, high=2.0, order=4),
    "classes": classes("public"),
    "classes, noisy sizes": classes("noisy"),
}
# Of these some record spends the whole budget, so that the noise is no more than needed.
TIGHT = {"trees", "trees of four", "flat", "classes"}


def points(d: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(d).random((SIZE, d)))


def records(d: int) -> torch.Tensor:
    """Corners, the middle, far outside of every range, and at random."""
    rng = np.random.default_rng(1)
    rows = [np.zeros(d), np.ones(d), np.full(d, 0.5), np.full(d, 9.0), np.full(d, -9.0)]
    return torch.from_numpy(np.stack([*rows, *rng.random((3, d))]))


def losses(release, kind, neighbors: str, d: int) -> list[float]:
    """By record: of adding it, or of putting it in place of the first point."""
    x, found = points(d), []
    loss = laplace_loss if kind is Laplace else gaussian_loss
    for record in records(d):
        changed = torch.cat([x if neighbors == "add_remove" else x[1:], record[None]])
        first = Recorder()
        release(x, kind(BUDGET, first, neighbors))
        second = Recorder(first)
        release(changed, kind(BUDGET, second, neighbors))
        found.append(loss(first, second))
    return found


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("neighbors", ["add_remove", "replace"])
@pytest.mark.parametrize("kind", [Laplace, Gaussian])
@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_released_stays_within_the_budget(name, kind, neighbors, d):
    found = losses(STRUCTURES[name], kind, neighbors, d)
    assert max(found) <= BUDGET * (1 + 1e-9)
    assert max(found) > 0
    if name in TIGHT and neighbors == "add_remove":
        assert max(found) == pytest.approx(BUDGET)


@pytest.mark.parametrize("d", [1, 3])
def test_multiplicative_weights_stay_within_the_budget(d):
    """A choice by noisy maximum costs twice the largest change over the scale; n is public."""
    x = points(d)
    for record in records(d):
        first = Recorder()
        settings = {"low": -1.0, "high": 2.0, "height": 4, "rounds": 3, "size": SIZE}
        multiplicative_weights(x, Laplace(BUDGET, first), **settings)
        second = Recorder(first)
        multiplicative_weights(torch.cat([x, record[None]]), Laplace(BUDGET, second), **settings)
        spent = [2 * abs(apart).max() / scale for apart, scale in list(pairs(first, second))[::2]]
        spent += [abs(apart).sum() / scale for apart, scale in list(pairs(first, second))[1::2]]
        assert len(spent) == 6 * d
        assert sum(spent) <= BUDGET * (1 + 1e-9)


def test_classes_of_many_single_precision_rows_stay_within_the_budget():
    """Added up in float32 the sum of so many moves by more than a row's norm."""
    x = torch.full((60_000, 5), 5**-0.5, dtype=torch.float32)
    labels = torch.zeros(len(x), dtype=torch.long)
    seen = []
    for rows in (x, x[1:]):
        seen.append(Recorder(seen[0] if seen else None))
        ClassMeans.release(rows, labels[: len(rows)], 1, Gaussian(BUDGET, seen[-1]))
    assert gaussian_loss(*seen) <= BUDGET * (1 + 1e-6)


@pytest.mark.parametrize(
    ("delta", "neighbors", "loss"),
    [(0.0, "add_remove", laplace_loss), (0.0, "replace", laplace_loss)],
)
@pytest.mark.parametrize("name", ["PrivateKernelDensity", "PrivateMeanClassifier"])
def test_estimators_spend_their_epsilon(name, delta, neighbors, loss, monkeypatch):
    pytest.importorskip("sklearn")
    from papers.private_similarity import estimator

    made = []

    def backend():
        made.append(Recorder(made[0] if made else None))
        return made[-1]

    monkeypatch.setattr(estimator, "OpenDP", backend)
    x = points(3).numpy()
    y = np.arange(len(x)) % 2
    model = getattr(estimator, name)(BUDGET, delta=delta, neighbors=neighbors)
    other = x.copy()
    other[0] = [-9.0, 9.0, 0.0]
    for rows in (x, other) if neighbors == "replace" else (x, x[1:]):
        model.fit(rows, y[len(x) - len(rows) :])
    spent = loss(*made)
    assert 0.05 * BUDGET < spent <= BUDGET * (1 + 1e-9)


def test_a_gaussian_estimator_has_the_noise_of_its_epsilon_and_delta(monkeypatch):
    pytest.importorskip("sklearn")
    from papers.private_similarity import estimator

    backend = Recorder()
    monkeypatch.setattr(estimator, "OpenDP", lambda: backend)
    x = points(3).numpy()
    estimator.PrivateMeanClassifier(BUDGET, delta=1e-6).fit(x, np.arange(len(x)) % 2)
    wanted = Gaussian.of(BUDGET, 1e-6, backend).deviation(1.0)
    assert backend.released[0][1] == pytest.approx(wanted)


def test_boxes_of_projected_points_are_four_deviations_wide():
    released = EuclideanSums.release(points(3), Laplace(1.0, Recorder()), projected=9, radius=2.0)
    half = 4 * 2.0 * (np.pi / 2) ** 0.5 / 9
    assert released.sums.high == pytest.approx(half)
    assert released.sums.low == pytest.approx(-half)


@pytest.mark.parametrize("build", [kernels(), STRUCTURES["smooth kernels"]])
def test_averages_can_be_cut_to_0_and_1(build):
    released = build(points(2), Laplace(1e-3, Recorder()))
    y = torch.from_numpy(np.random.default_rng(3).random((200, 2)))
    raw, cut = released.query(y), released.query(y, clip=True)
    assert ((raw < 0) | (raw > 1)).any()
    torch.testing.assert_close(cut, raw.clamp(0, 1))
