"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class RobustTask(TaskConfig):
    """A positive semidefinite matrix of equal eigenvalues 1, measured by normal A_i.

    Attributes:
        size: d.
        rank: r.
        eta0: of the rules of steps.
    """

    size: int = ranged(20, at_least=1)
    rank: int = ranged(3, at_least=1)
    eta0: float = ranged(0.25, above=0)


@dataclass
class SignRipTask(RobustTask):
    """C1, C2.

    Attributes:
        tested_rank: of X, of
        norm: ||X||_F.
        measurements: m, ascending.
        fraction: of outliers of
        outlier: deviation o, in the second case.
        deviation: nu, in the third.
        test_rank: r of delta.
    """

    tested_rank: int = ranged(2, at_least=1)
    norm: float = ranged(0.707, above=0)
    measurements: list[int] = ranged([500, 2000, 8000, 20000], at_least=1)
    fraction: float = ranged(0.3, at_least=0, below=1)
    outlier: float = ranged(1.0, at_least=0)
    deviation: float = ranged(0.5, at_least=0)
    test_rank: int = ranged(4, at_least=1)


@dataclass
class NoiselessTask(RobustTask):
    """C3, C4, C13, C14.

    Attributes:
        measurements: m.
        exact_alpha: of the start with r' = r, and
        exact_steps: its steps.
        widths: r' above r.
        alphas: descending scales of the spectral start.
        steps: of each.
        random_alpha: of the small random start.
        many: m of the comparison of starts, at r' = d:
        small_alpha: of the spectral one,
        small_bound: error by which its steps are counted.
        large_alpha: of the random one.
        large_at: T at which its error is taken.
    """

    measurements: int = ranged(600, at_least=1)
    exact_alpha: float = ranged(1.0e-3, above=0)
    exact_steps: int = ranged(300, at_least=1)
    widths: list[int] = ranged([5, 10, 20], at_least=1)
    alphas: list[float] = ranged([1.0e-1, 1.0e-3, 1.0e-6], above=0)
    steps: int = ranged(200, at_least=1)
    random_alpha: float = ranged(1.0e-6, above=0)
    many: int = ranged(2400, at_least=1)
    small_alpha: float = ranged(1.0e-6, above=0)
    small_bound: float = ranged(1.0e-4, above=0)
    large_alpha: float = ranged(0.5, above=0)
    large_at: list[int] = ranged([200, 400, 800, 1600], at_least=1)


@dataclass
class ExponentTask(RobustTask):
    """C5.

    Attributes:
        measurements: m, ascending.
        alphas: of the spectral start, at r' = d.
        steps: of each.
    """

    measurements: list[int] = ranged([600, 2400, 6000], at_least=1)
    alphas: list[float] = ranged([1.0e-2, 1.0e-3, 1.0e-4, 1.0e-5], above=0)
    steps: int = ranged(200, at_least=1)


@dataclass
class OutliersTask(RobustTask):
    """C6, C7, C10a, C11, C15.

    Attributes:
        measurements: m.
        fraction: p of them are outliers of
        outlier: deviation o.
        widths: r', the last for comparisons.
        alpha: of the spectral start.
        rho: decay of the steps.
        steps: T.
        large_alpha: of a larger start.
        squares_width: r' of least squares, with a
        squares_eta: constant step.
        ablations: other losses, norms and steps beside.
        huber: width of that loss.
        slow_rho: of the Frobenius norm's second run.
    """

    measurements: int = ranged(600, at_least=1)
    fraction: float = ranged(0.1, at_least=0, below=1)
    outlier: float = ranged(10.0, at_least=0)
    widths: list[int] = ranged([3, 10, 20], at_least=1)
    alpha: float = ranged(1.0e-3, above=0)
    rho: float = ranged(0.98, above=0, below=1)
    steps: int = ranged(600, at_least=1)
    large_alpha: float = ranged(0.1, above=0)
    squares_width: int = ranged(10, at_least=1)
    squares_eta: float = ranged(0.1, above=0)
    ablations: bool = False
    huber: float = ranged(0.1, above=0)
    slow_rho: float = ranged(0.99, above=0, below=1)


@dataclass
class GaussianTask(RobustTask):
    """C8, C9.

    Attributes:
        measurements: m.
        deviation: nu.
        widths: r', the last for comparisons.
        alpha: of the spectral start.
        rho: decay of the steps; 0 takes the one that goes with alpha, and its number of steps.
        steps: T, if rho is given.
        large_alpha: of a random start.
        held_out: fraction of the measurements that chooses an iterate.
    """

    measurements: int = ranged(600, at_least=1)
    deviation: float = ranged(0.1, above=0)
    widths: list[int] = ranged([3, 20], at_least=1)
    alpha: float = ranged(1.0e-4, above=0)
    rho: float = ranged(0.0, at_least=0, below=1)
    steps: int = ranged(3000, at_least=1)
    large_alpha: float = ranged(0.5, above=0)
    held_out: float = ranged(0.1, at_least=0, below=1)


@dataclass
class SamplesTask(RobustTask):
    """C10b.

    Attributes:
        measurements: m, ascending.
        widths: r'.
        problems: drawn, of which
        wanted: have to be recovered, to an error below
        bound: of it.
        fraction: of outliers of
        outlier: deviation o.
        alpha: of the spectral start.
        rho: decay of the steps.
        steps: T.
    """

    measurements: list[int] = ranged([120, 170, 240, 340, 480, 680], at_least=1)
    widths: list[int] = ranged([3, 6, 10, 20], at_least=1)
    problems: int = ranged(5, at_least=1)
    wanted: int = ranged(4, at_least=1)
    bound: float = ranged(0.01, above=0)
    fraction: float = ranged(0.1, at_least=0, below=1)
    outlier: float = ranged(10.0, at_least=0)
    alpha: float = ranged(1.0e-4, above=0)
    rho: float = ranged(0.985, above=0, below=1)
    steps: int = ranged(900, at_least=1)


@dataclass
class PopulationTask(RobustTask):
    """C12.

    Attributes:
        width: r'.
        alpha: of the start.
        steps: T.
    """

    width: int = ranged(10, at_least=1)
    alpha: float = ranged(1.0e-3, above=0)
    steps: int = ranged(500, at_least=1)


@dataclass
class ConvexTask(RobustTask):
    """The convex reference, at its size.

    Attributes:
        measurements: m.
        fraction: p of them are outliers of
        outlier: deviation o.
        weight: of the nuclear norm, beside none.
        alpha: of the sub-gradient method's start.
        rho: decay of its steps.
        steps: T.
    """

    size: int = ranged(12, at_least=1)
    rank: int = ranged(2, at_least=1)
    measurements: int = ranged(240, at_least=1)
    fraction: float = ranged(0.1, at_least=0, below=1)
    outlier: float = ranged(10.0, at_least=0)
    weight: float = ranged(0.01, at_least=0)
    alpha: float = ranged(1.0e-4, above=0)
    rho: float = ranged(0.985, above=0, below=1)
    steps: int = ranged(900, at_least=1)


@dataclass
class ImageBlockTask(RobustTask):
    """A block of a photograph.

    Attributes:
        measurements: m.
        fraction: p of them are outliers of
        outlier: deviation o.
        alpha: of the spectral start, r' = d.
        rho: decay of the steps.
        steps: T.
        squares_eta: constant step of least squares.
    """

    measurements: int = ranged(600, at_least=1)
    fraction: float = ranged(0.3, at_least=0, below=1)
    outlier: float = ranged(10.0, at_least=0)
    alpha: float = ranged(1.0e-4, above=0)
    rho: float = ranged(0.995, above=0, below=1)
    steps: int = ranged(3000, at_least=1)
    squares_eta: float = ranged(0.1, above=0)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "sign_rip": SignRipTask,
        "noiseless": NoiselessTask,
        "exponent": ExponentTask,
        "outliers": OutliersTask,
        "gaussian": GaussianTask,
        "samples": SamplesTask,
        "population": PopulationTask,
        "convex": ConvexTask,
        "image_block": ImageBlockTask,
    }.items():
        store.store(group="schema/subgm", name=name, node=node)
