"""Typed configuration of the tasks on sums of distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        flat_heights: at which a flat histogram stands beside the tree, in closed form,
        flat_alphas: and its annuli.
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
    flat_heights: list[int] = ranged([10, 14, 18, 24], at_least=1, at_most=40)
    flat_alphas: list[float] = ranged([0.1, 0.5], above=0)
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
class DistanceFloorTask(LineTask):
    """C11.

    Attributes:
        dimensions: d.
        points: n.
    """

    dimensions: list[int] = ranged([1, 2, 4, 8], at_least=1)
    epsilons: list[float] = ranged([0.1, 1.0], above=0, at_most=1)
    points: int = ranged(10_000, at_least=1)
    height: int = ranged(12, at_least=1, at_most=24)
    queries: int = ranged(20, at_least=1)
    releases: int = ranged(10, at_least=1)
    rounds: int = ranged(5, at_least=1)


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
