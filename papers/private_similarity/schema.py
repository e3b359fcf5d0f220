"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class TreeBiasTask(TaskConfig):
    """C1.

    Attributes:
        points: n, of each set.
        height: h of the tree.
        queries: at random places.
        alphas: of the annuli.
    """

    points: int = ranged(10_000, at_least=1)
    height: int = ranged(14, at_least=1, at_most=24)
    queries: int = ranged(200, at_least=1)
    alphas: list[float] = ranged([0.05, 0.1, 0.5, 1.0], above=0)


@dataclass
class TreeNoiseTask(TaskConfig):
    """C2, C3.

    Attributes:
        points: n.
        height: h of the trees that are released.
        releases: of each setting.
        queries: over whose variances a mean is taken.
        alphas: of the annuli.
        epsilons: over which a slope is taken.
        dimensions: d, over which a slope is taken.
        heights: h of the closed form.
        arities: of trees beside.
        delta: of Gaussian noise beside.
    """

    points: int = ranged(100, at_least=1)
    height: int = ranged(10, at_least=1, at_most=20)
    releases: int = ranged(400, at_least=2)
    queries: int = ranged(20, at_least=1)
    alphas: list[float] = ranged([0.05, 0.1, 0.5, 1.0], above=0)
    epsilons: list[float] = ranged([0.1, 1.0, 10.0], above=0)
    dimensions: list[int] = ranged([1, 2, 4, 8, 16], at_least=1)
    heights: list[int] = ranged([10, 12, 14, 16, 18, 20, 22, 24], at_least=1, at_most=40)
    arities: list[int] = ranged([2, 4, 16], at_least=2)
    delta: float = ranged(1.0e-5, above=0, below=1)


@dataclass
class LineTask(TaskConfig):
    """Mechanisms on a line.

    Attributes:
        epsilons: of the releases.
        height: h of the trees and of the flat histogram.
        alpha: of the annuli.
        queries: at random places.
        releases: of the trees and the grid.
        peer_releases: of what is shown beside.
        weights_height: of the histogram of multiplicative weights.
        rounds: of these.
    """

    epsilons: list[float] = ranged([0.1, 1.0, 10.0], above=0)
    height: int = ranged(20, at_least=1, at_most=24)
    alpha: float = ranged(0.1, above=0)
    queries: int = ranged(40, at_least=1)
    releases: int = ranged(20, at_least=1)
    peer_releases: int = ranged(3, at_least=1)
    weights_height: int = ranged(8, at_least=1, at_most=12)
    rounds: int = ranged(10, at_least=1)


@dataclass
class TreeAgainstGridTask(LineTask):
    """C4.

    Attributes:
        counts: n.
        compared_from: n epsilon, from which on the tree is compared with the grid.
    """

    counts: list[int] = ranged([1_000, 10_000, 100_000, 1_000_000], at_least=1)
    compared_from: float = ranged(100_000.0, above=0)


@dataclass
class RealColumnsTask(LineTask):
    """C4 beside.

    Attributes:
        dataset: the column.
    """

    dataset: Any = None
    height: int = ranged(16, at_least=1, at_most=24)


@dataclass
class EuclideanSumsTask(TaskConfig):
    """C5.

    Attributes:
        projected: k, at which the distortion of one distance is taken.
        draws: of projections for it.
        dimensions: d, at which the noise is taken.
        fixed: k of these.
        projections: drawn for these, and of each
        releases: releases.
        points: n.
        queries: over which means are taken.
        height: h of the trees.
        alpha: of the annuli.
    """

    projected: list[int] = ranged([16, 64, 256], at_least=1)
    draws: int = ranged(2000, at_least=2)
    dimensions: list[int] = ranged([64, 1024], at_least=1)
    fixed: int = ranged(32, at_least=1)
    projections: int = ranged(4, at_least=1)
    releases: int = ranged(100, at_least=2)
    points: int = ranged(200, at_least=1)
    queries: int = ranged(20, at_least=1)
    height: int = ranged(10, at_least=1, at_most=20)
    alpha: float = ranged(0.1, above=0)


@dataclass
class SquaredSumsTask(TaskConfig):
    """C6.

    Attributes:
        size: d.
        points: n.
        queries: in the box.
        releases: over which deviations are taken.
        timed: n, first and last, whose queries are timed.
        calls: of a batch in a timing.
        repeats: of which the median is taken.
    """

    size: int = ranged(16, at_least=1)
    points: int = ranged(1000, at_least=1)
    queries: int = ranged(10, at_least=1)
    releases: int = ranged(2000, at_least=2)
    timed: list[int] = ranged([1_000, 1_000_000], at_least=1, count=2)
    calls: int = ranged(200, at_least=1)
    repeats: int = ranged(21, at_least=1)


@dataclass
class KernelProjectionTask(TaskConfig):
    """C7.

    Attributes:
        dataset: images.
        lengths: s, squared norms of v.
        projected: k.
        dimensions: d of v.
        draws: of G for each of these.
        counts: n of images, first and last compared.
        queries: images to ask with.
        kept: k for images.
        kept_beside: other k, for the last of ``counts``.
        projections: draws of G for images.
    """

    dataset: Any = None
    lengths: list[float] = ranged([0.5, 1.0, 2.0], above=0)
    projected: list[int] = ranged([16, 64], at_least=1)
    dimensions: list[int] = ranged([50, 3000], at_least=1)
    draws: int = ranged(1000, at_least=2)
    counts: list[int] = ranged([100, 20_000], at_least=1, count=2)
    queries: int = ranged(200, at_least=1)
    kept: int = ranged(64, at_least=1)
    kept_beside: list[int] = ranged([16, 256], at_least=1)
    projections: int = ranged(15, at_least=1)


@dataclass
class KernelCostTask(TaskConfig):
    """C8, timed on one thread.

    Attributes:
        dataset: images.
        points: n.
        queries: images to ask with.
        draws: of features and projections.
        kept: k.
        features: I.
        kinds: of projections.
        batches: of queries that are timed.
        repeats: of which the median is taken.
    """

    dataset: Any = None
    points: int = ranged(20_000, at_least=1)
    queries: int = ranged(200, at_least=1)
    draws: int = ranged(6, at_least=1)
    kept: int = ranged(64, at_least=1)
    features: int = ranged(400, at_least=1)
    kinds: list[str] = ranged(
        ["gaussian", "very_sparse", "hadamard"], one_of=("gaussian", "very_sparse", "hadamard")
    )
    batches: list[int] = ranged([1, 1000], at_least=1)
    repeats: int = ranged(31, at_least=1)


@dataclass
class KernelNoiseTask(TaskConfig):
    """C9.

    Attributes:
        size: d of normal points.
        counts: n.
        queries: normal too.
        epsilon: of the releases.
        rho: of the Gaussian ones.
        releases: of each setting.
        factors: of I*, ascending.
        probes: features by which the variance of the data's average is taken.
        noise_draws: over which deviations of the noise are taken.
    """

    size: int = ranged(10, at_least=1)
    counts: list[int] = ranged([1_000, 3_000, 10_000], at_least=1)
    queries: int = ranged(100, at_least=1)
    epsilon: float = ranged(1.0, above=0)
    rho: float = ranged(0.5, above=0)
    releases: int = ranged(20, at_least=1)
    factors: list[float] = ranged([0.25, 0.5, 1.0, 2.0, 4.0], above=0)
    probes: int = ranged(2000, at_least=2)
    noise_draws: int = ranged(1000, at_least=2)


@dataclass
class SmoothKernelsTask(TaskConfig):
    """C10.

    Attributes:
        terms: m of the sums whose error is taken.
        released_terms: m of the releases.
        features: I of each term, pairs.
        points: n, normal.
        size: d.
        queries: normal too.
        epsilon: of the releases.
    """

    terms: list[int] = ranged([8, 12, 16, 24], at_least=1, at_most=40)
    released_terms: int = ranged(8, at_least=1, at_most=40)
    features: int = ranged(1000, at_least=1)
    points: int = ranged(100_000, at_least=1)
    size: int = ranged(10, at_least=1)
    queries: int = ranged(100, at_least=1)
    epsilon: float = ranged(1.0, above=0)


@dataclass
class DistanceFloorTask(TaskConfig):
    """C11.

    Attributes:
        dimensions: d.
        epsilons: of the releases.
        points: n.
        queries: at random places.
        releases: over which mean squares are taken.
        height: h of the trees and of the flat histogram.
        alpha: of the annuli.
        weights_height: of the histogram of multiplicative weights.
        rounds: of these.
    """

    dimensions: list[int] = ranged([1, 2, 4, 8], at_least=1)
    epsilons: list[float] = ranged([0.1, 1.0], above=0, at_most=1)
    points: int = ranged(10_000, at_least=1)
    queries: int = ranged(20, at_least=1)
    releases: int = ranged(10, at_least=1)
    height: int = ranged(12, at_least=1, at_most=24)
    alpha: float = ranged(0.1, above=0)
    weights_height: int = ranged(8, at_least=1, at_most=12)
    rounds: int = ranged(5, at_least=1)


@dataclass
class PrivateClassesTask(TaskConfig):
    """C12.

    Attributes:
        dataset: features and classes.
        train: rows, 0 for all.
        test: rows, 0 for all.
        epsilons: of the releases.
        delta: of Gaussian noise and of DP-SGD.
        repeats: of releases that are timed.
        samplings: q of DP-SGD.
        rates: step sizes of it.
        steps: of it, for each of ``samplings``.
        clip: norm of a row's gradient.
        mlp_epsilons: at which a small network is trained too, by the first of ``samplings``.
        hidden: neurons of it.
    """

    dataset: Any = None
    train: int = ranged(0, at_least=0)
    test: int = ranged(0, at_least=0)
    epsilons: list[float] = ranged([0.5, 1.0, 2.0, 4.0, 8.0], above=0)
    delta: float = ranged(1.0e-5, above=0, below=1)
    repeats: int = ranged(5, at_least=1)
    samplings: list[float] = ranged([0.1, 0.25, 1.0], above=0, at_most=1)
    rates: list[float] = ranged([2.0, 8.0, 32.0], above=0)
    steps: list[int] = ranged([600, 150, 60], at_least=1)
    clip: float = ranged(1.0, above=0)
    mlp_epsilons: list[float] = ranged([2.0], above=0)
    hidden: int = ranged(64, at_least=1)


@dataclass
class PrivacyAuditTask(TaskConfig):
    """C13, C14.

    Attributes:
        epsilons: claimed.
        points: n.
        height: h of the tree.
        releases: of each of two neighbouring sets.
        confidence: of the lower bound.
    """

    epsilons: list[float] = ranged([0.5, 1.0, 2.0], above=0)
    points: int = ranged(100, at_least=1)
    height: int = ranged(3, at_least=1, at_most=16)
    releases: int = ranged(20_000, at_least=4)
    confidence: float = ranged(0.95, above=0, below=1)


TASKS = {
    "tree_bias": TreeBiasTask,
    "tree_noise": TreeNoiseTask,
    "tree_against_grid": TreeAgainstGridTask,
    "real_columns": RealColumnsTask,
    "euclidean_sums": EuclideanSumsTask,
    "squared_sums": SquaredSumsTask,
    "kernel_projection": KernelProjectionTask,
    "kernel_cost": KernelCostTask,
    "kernel_noise": KernelNoiseTask,
    "smooth_kernels": SmoothKernelsTask,
    "distance_floor": DistanceFloorTask,
    "private_classes": PrivateClassesTask,
    "privacy_audit": PrivacyAuditTask,
}


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in TASKS.items():
        store.store(group="schema/private_similarity", name=name, node=node)
