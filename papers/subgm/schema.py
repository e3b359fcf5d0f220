"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class RobustTask(TaskConfig):
    """A positive semidefinite matrix of equal eigenvalues 1, measured by normal A_i.

    Attributes:
        size: d.
        rank: r.
        eta0: of the rules of steps.
    """

    size: int = 20
    rank: int = 3
    eta0: float = 0.25


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

    tested_rank: int = 2
    norm: float = 0.707
    measurements: list[int] = field(default_factory=lambda: [500, 2000, 8000, 20000])
    fraction: float = 0.3
    outlier: float = 1.0
    deviation: float = 0.5
    test_rank: int = 4


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

    measurements: int = 600
    exact_alpha: float = 1.0e-3
    exact_steps: int = 300
    widths: list[int] = field(default_factory=lambda: [5, 10, 20])
    alphas: list[float] = field(default_factory=lambda: [1.0e-1, 1.0e-3, 1.0e-6])
    steps: int = 200
    random_alpha: float = 1.0e-6
    many: int = 2400
    small_alpha: float = 1.0e-6
    small_bound: float = 1.0e-4
    large_alpha: float = 0.5
    large_at: list[int] = field(default_factory=lambda: [200, 400, 800, 1600])


@dataclass
class ExponentTask(RobustTask):
    """C5.

    Attributes:
        measurements: m, ascending.
        alphas: of the spectral start, at r' = d.
        steps: of each.
    """

    measurements: list[int] = field(default_factory=lambda: [600, 2400, 6000])
    alphas: list[float] = field(default_factory=lambda: [1.0e-2, 1.0e-3, 1.0e-4, 1.0e-5])
    steps: int = 200


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

    measurements: int = 600
    fraction: float = 0.1
    outlier: float = 10.0
    widths: list[int] = field(default_factory=lambda: [3, 10, 20])
    alpha: float = 1.0e-3
    rho: float = 0.98
    steps: int = 600
    large_alpha: float = 0.1
    squares_width: int = 10
    squares_eta: float = 0.1
    ablations: bool = False
    huber: float = 0.1
    slow_rho: float = 0.99


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

    measurements: int = 600
    deviation: float = 0.1
    widths: list[int] = field(default_factory=lambda: [3, 20])
    alpha: float = 1.0e-4
    rho: float = 0.0
    steps: int = 3000
    large_alpha: float = 0.5
    held_out: float = 0.1


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

    measurements: list[int] = field(default_factory=lambda: [120, 170, 240, 340, 480, 680])
    widths: list[int] = field(default_factory=lambda: [3, 6, 10, 20])
    problems: int = 5
    wanted: int = 4
    bound: float = 0.01
    fraction: float = 0.1
    outlier: float = 10.0
    alpha: float = 1.0e-4
    rho: float = 0.985
    steps: int = 900


@dataclass
class PopulationTask(RobustTask):
    """C12.

    Attributes:
        width: r'.
        alpha: of the start.
        steps: T.
    """

    width: int = 10
    alpha: float = 1.0e-3
    steps: int = 500


@dataclass
class ConvexTask(RobustTask):
    """The convex reference, at its size.

    Attributes:
        measurements: m.
        fraction: p of them are outliers of
        outlier: deviation o.
        weight: of the trace.
        alpha: of the sub-gradient method's start.
        rho: decay of its steps.
        steps: T.
    """

    size: int = 12
    rank: int = 2
    measurements: int = 240
    fraction: float = 0.1
    outlier: float = 10.0
    weight: float = 0.0
    alpha: float = 1.0e-4
    rho: float = 0.985
    steps: int = 900


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
    }.items():
        store.store(group="schema/subgm", name=name, node=node)
