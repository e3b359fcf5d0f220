"""Typed configuration of the tasks on average kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


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
class GlossCostTask(KernelCostTask):
    """Beside C8.

    Attributes:
        dataset: vectors of glosses.
    """

    points: int = ranged(10_000, at_least=1)


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
class LowDimensionsTask(TaskConfig):
    """Beside C9.

    Attributes:
        dimensions: d.
        points: n.
        queries: in the same box.
        half: side of the box, half of it.
        epsilon: of the releases.
        rho: of the Gaussian ones.
        releases: of each setting.
        side: of the cells of the fast Gauss transform.
        order: of its moments.
        features: I, pairs; the best is taken.
    """

    dimensions: list[int] = ranged([1, 2, 3], at_least=1, at_most=3)
    points: int = ranged(10_000, at_least=1)
    queries: int = ranged(200, at_least=1)
    half: float = ranged(2.0, above=0)
    epsilon: float = ranged(1.0, above=0)
    rho: float = ranged(0.5, above=0)
    releases: int = ranged(5, at_least=1)
    side: float = ranged(0.5, above=0)
    order: int = ranged(6, at_least=1)
    features: list[int] = ranged([100, 400, 1600], at_least=1)


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
