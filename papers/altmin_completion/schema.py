"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class CompletionTask(TaskConfig):
    """A square matrix of Haar bases, known in part.

    Attributes:
        size: n.
        rank: k.
        share: p, of the entries that are known.
        rounds: of V, then U.
    """

    size: int = ranged(400, at_least=2)
    rank: int = ranged(5, at_least=1)
    share: float = ranged(0.3, above=0, at_most=1)
    rounds: int = ranged(12, at_least=1)


@dataclass
class ConvergenceTask(CompletionTask):
    """C1, C2, C7, C12, C14.

    Attributes:
        shares: p; at ``share`` among them more is asked.
        half_steps: first and last i of the ratios dist_{i+1} / dist_i.
        long_rounds: of spectral and random starts.
        bound: relative error to which their rounds are counted.
    """

    shares: list[float] = ranged([0.15, 0.2, 0.3, 0.5, 0.7, 0.9], above=0, at_most=1)
    half_steps: list[int] = ranged([4, 8], at_least=0, count=2)
    long_rounds: int = ranged(25, at_least=1)
    bound: float = ranged(1.0e-8, above=0)


@dataclass
class RobustnessTask(CompletionTask):
    """C3.

    Attributes:
        perturbations: e0, relative, in every half round.
    """

    rounds: int = ranged(16, at_least=1)
    perturbations: list[float] = ranged([1.0e-2, 1.0e-4, 1.0e-6], above=0)


@dataclass
class InnerStepsTask(CompletionTask):
    """C4.

    Attributes:
        warm: steps from what the last half round says.
        cold: steps from 0.
        kinds: of sketches.
    """

    warm: list[int] = ranged([1, 2, 3, 5], at_least=1)
    cold: list[int] = ranged([2, 5], at_least=1)
    kinds: list[str] = ranged(
        ["count", "gaussian", "hadamard"], one_of=("count", "gaussian", "hadamard", "very_sparse")
    )


@dataclass
class PreconditioningTask(TaskConfig):
    """C5.

    Attributes:
        rows: N.
        widths: k.
        powers: of ten, conditions of A.
        noise: relative, of b.
        factor: c of the sketch, of c k rows.
        factors: c of Gaussian sketches whose condition is taken.
        count_factor: rows over k of CountSketch.
        steps: of the sketched solver.
        plain_steps: of conjugate gradients without a sketch.
        bound: relative error to which steps are counted.
    """

    rows: int = ranged(3000, at_least=2)
    widths: list[int] = ranged([20, 60], at_least=1)
    powers: list[float] = ranged([2.0, 6.0], at_least=0)
    noise: float = ranged(0.1, at_least=0)
    factor: int = ranged(4, at_least=1)
    factors: list[int] = ranged([2, 4, 8], at_least=2)
    count_factor: int = ranged(16, at_least=1)
    steps: int = ranged(40, at_least=1)
    plain_steps: int = ranged(40, at_least=1)
    bound: float = ranged(1.0e-10, above=0)


@dataclass
class FactsTask(TaskConfig):
    """C6, C7.

    Attributes:
        instances: at random.
        least_squares: rows and columns of A of the forward error.
        leverage: rows and columns of A of the leverages.
    """

    instances: int = ranged(1000, at_least=1)
    least_squares: list[int] = ranged([40, 3], at_least=1, count=2)
    leverage: list[int] = ranged([100, 5], at_least=1, count=2)


@dataclass
class CostTask(CompletionTask):
    """C8, C9, timed on one thread.

    Attributes:
        ranks: k of gathered blocks of
        rows: rows of
        entries: entries each.
        steps: of conjugate gradients.
        repeats: of which the median is taken.
    """

    size: int = ranged(2000, at_least=2)
    rank: int = ranged(80, at_least=1)
    ranks: list[int] = ranged([10, 20, 40, 80, 160], at_least=1)
    rows: int = ranged(100, at_least=1)
    entries: int = ranged(580, at_least=1)
    steps: int = ranged(3, at_least=1)
    repeats: int = ranged(5, at_least=1)


@dataclass
class FrontierTask(CompletionTask):
    """C10.

    Attributes:
        cases: (k, c) at which problems are counted, p = c k / n.
        sizes: n, ascending, at which the frontier in c is looked for.
        approximate_sizes: of these, where two warm steps are tried too.
        factors: c from, to, by.
        problems: drawn, of which
        wanted: have to be completed, to a relative error below
        bound: of it.
    """

    rounds: int = ranged(30, at_least=1)
    cases: list[list[float]] = ranged(
        [[2.0, 8.0], [5.0, 8.0], [10.0, 8.0], [2.0, 5.0], [5.0, 4.0], [10.0, 4.0]], above=0, count=2
    )
    sizes: list[int] = ranged([200, 400, 800], at_least=2)
    approximate_sizes: list[int] = ranged([200, 400], at_least=2)
    factors: list[float] = ranged([3.0, 8.0, 0.5], above=0, count=3)
    problems: int = ranged(5, at_least=1)
    wanted: int = ranged(4, at_least=1)
    bound: float = ranged(1.0e-3, above=0)


@dataclass
class ConditioningTask(CompletionTask):
    """C11.

    Attributes:
        kappas: s_1 / s_k.
        problems: drawn, of which medians are taken.
        bound: relative error to which rounds are counted.
    """

    rounds: int = ranged(25, at_least=1)
    kappas: list[float] = ranged([1.0, 10.0], at_least=1)
    problems: int = ranged(5, at_least=1)
    bound: float = ranged(1.0e-8, above=0)


@dataclass
class FreshTask(CompletionTask):
    """C12.

    Attributes:
        long_rounds: with all entries.
        spike: leverage of a row of the spiky matrix, known in
        spiky_share: of its entries.
    """

    share: float = ranged(0.9, above=0, at_most=1)
    rounds: int = ranged(5, at_least=1)
    long_rounds: int = ranged(12, at_least=1)
    spike: float = ranged(0.9, above=0, below=1)
    spiky_share: float = ranged(0.3, above=0, at_most=1)


@dataclass
class RatingsTask(TaskConfig):
    """C13.

    Attributes:
        dataset: the ratings.
        rank: k.
        ridge: on every row's problem, a fraction of full observation.
        rounds: of V, then U.
        bias_ridge: of users' and films' biases.
        sweeps: of these.
    """

    dataset: Any = None
    rank: int = ranged(5, at_least=1)
    ridge: float = ranged(0.1, at_least=0)
    rounds: int = ranged(15, at_least=1)
    bias_ridge: float = ranged(5.0, at_least=0)
    sweeps: int = ranged(20, at_least=1)


@dataclass
class SeaTask(RatingsTask):
    """Beside C13.

    Attributes:
        dataset: a climatology on a grid.
        kept: of the known cells, kept back.
    """

    rank: int = ranged(10, at_least=1)
    ridge: float = ranged(0.01, at_least=0)
    kept: float = ranged(0.2, above=0, below=1)


@dataclass
class PeersTask(CompletionTask):
    """C15, timed.

    Attributes:
        steps: of the peers, at most.
        bound: relative error to which seconds are counted.
        limit: seconds, at most.
    """

    rounds: int = ranged(40, at_least=1)
    steps: int = ranged(2000, at_least=1)
    bound: float = ranged(1.0e-8, above=0)
    limit: float = ranged(2.0, above=0)


@dataclass
class RatingPeersTask(RatingsTask):
    """Beside C15, timed.

    Attributes:
        parts: of the training ratings; one says when to stop.
        steps: of the peers.
    """

    parts: int = ranged(10, at_least=2)
    steps: int = ranged(40, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "convergence": ConvergenceTask,
        "robustness": RobustnessTask,
        "inner_steps": InnerStepsTask,
        "preconditioning": PreconditioningTask,
        "facts": FactsTask,
        "completion_cost": CostTask,
        "frontier": FrontierTask,
        "conditioning": ConditioningTask,
        "fresh_samples": FreshTask,
        "ratings": RatingsTask,
        "sea_temperature": SeaTask,
        "completion_peers": PeersTask,
        "rating_peers": RatingPeersTask,
    }.items():
        store.store(group="schema/altmin_completion", name=name, node=node)
