"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class DescentTask(TaskConfig):
    """Factorisation of a diagonal matrix, or its measurements.

    Attributes:
        size: n, of a square matrix.
        spectrum: its singular values, r of them.
        width: k, columns of the factors.
        eta: of every step.
    """

    size: int = ranged(50, at_least=1)
    spectrum: list[float] = ranged([1.0, 1.0, 1.0], above=0)
    width: int = ranged(5, at_least=1)
    eta: float = ranged(0.1, above=0)


@dataclass
class SymmetricTask(DescentTask):
    """C1, C2.

    Attributes:
        widths: k above r.
        alpha: scale of the start.
        steps_at: T at which T^2 e_T is taken, ascending.
        unequal: singular values of a second matrix, as many.
        exact_steps: with k = r; of the second matrix it takes so many to reach ``ratio_above``.
        error_at: T at which the error with k = r is taken.
        ratio_above: of successive errors, at the last error above it.
    """

    widths: list[int] = ranged([4, 5, 10], at_least=1)
    alpha: float = ranged(0.1, above=0)
    steps_at: list[int] = ranged([2000, 4000, 8000, 16000], at_least=1)
    unequal: list[float] = ranged([1.0, 0.7, 0.4], above=0)
    exact_steps: int = ranged(2000, at_least=1)
    error_at: int = ranged(400, at_least=1)
    ratio_above: float = ranged(1.0e-20, above=0)


@dataclass
class AsymmetricTask(DescentTask):
    """C3, C4, C5, C7.

    Attributes:
        unequal: singular values of a second matrix, as many.
        small: scale of the start with k = r.
        large: scale with which the closed form of a small start is off, and of C5.
        exact_steps: with k = r.
        alphas: scales of one start with k > r, and
        alpha_steps: at most, of each.
        scaled_alphas: of these, over which rate / alpha^2 is compared.
        halved_alphas: of these, each half of the one before.
        both_steps: of C5.
    """

    unequal: list[float] = ranged([1.0, 0.7, 0.4], above=0)
    small: float = ranged(0.1, above=0)
    large: float = ranged(0.5, above=0)
    exact_steps: int = ranged(2000, at_least=1)
    alphas: list[float] = ranged([1.0, 0.5, 0.25, 0.2, 0.1, 0.05], above=0)
    alpha_steps: list[int] = ranged([4000, 4000, 9000, 20000, 40000, 160000], at_least=1)
    scaled_alphas: list[float] = ranged([0.5, 0.25, 0.1], above=0)
    halved_alphas: list[float] = ranged([0.2, 0.1, 0.05], above=0)
    both_steps: int = ranged(2000, at_least=1)


@dataclass
class IdentitiesTask(DescentTask):
    """I1 to I5; C6, C15.

    Attributes:
        alpha: scale of the start.
        steps: over which the imbalance is followed.
        toy_equal: first and last step of the toy's fits from equal starts, and
        toy_unequal: from unequal ones.
        parting_steps: from G_0 = F_0.
        alternating_steps: of the alternating method.
    """

    alpha: float = ranged(0.5, above=0)
    steps: int = ranged(3000, at_least=1)
    toy_equal: list[int] = ranged([200, 20000], at_least=1, count=2)
    toy_unequal: list[int] = ranged([20, 200], at_least=1, count=2)
    parting_steps: int = ranged(50, at_least=1)
    alternating_steps: int = ranged(2000, at_least=1)


@dataclass
class OneStepTask(DescentTask):
    """C8, C9, C14.

    Attributes:
        alphas: scales of the start.
        betas: to which F is rescaled, after
        before: steps.
        steps: after it, at most.
        unequal: singular values of a second matrix, from a start of scale
        unequal_alpha: which is the preconditioned peer's too.
        beta_squares: of the second matrix.
        unequal_before: steps before.
    """

    alphas: list[float] = ranged([0.5, 0.1, 0.01], above=0)
    betas: list[float] = ranged([1.0, 0.7, 0.4], above=0)
    before: int = ranged(200, at_least=1)
    steps: int = ranged(3000, at_least=1)
    unequal: list[float] = ranged([1.0, 0.5], above=0)
    unequal_alpha: float = ranged(0.1, above=0)
    beta_squares: list[float] = ranged([0.25, 0.5, 1.0], above=0)
    unequal_before: int = ranged(400, at_least=1)


@dataclass
class SensingTask(DescentTask):
    """C10, C12.

    Attributes:
        measurements: m.
        small: scale of the start, and
        large: the other of method A.
        exact_steps: of method S with k = r.
        steps: of the others.
        before: steps of method B before its rescaling to
        beta: of F.
        one_step_steps: of method B in all.
    """

    size: int = ranged(20, at_least=1)
    measurements: int = ranged(600, at_least=1)
    small: float = ranged(0.1, above=0)
    large: float = ranged(0.5, above=0)
    exact_steps: int = ranged(4000, at_least=1)
    steps: int = ranged(4000, at_least=1)
    before: int = ranged(300, at_least=1)
    beta: float = ranged(1.0, above=0)
    one_step_steps: int = ranged(1000, at_least=1)


@dataclass
class RectangularTask(TaskConfig):
    """C13.

    Attributes:
        rows: n1.
        columns: n2.
        spectrum: singular values, r of them.
        width: k.
        alpha: scale of the start.
        eta: of every step.
        steps: T.
    """

    rows: int = ranged(30, at_least=1)
    columns: int = ranged(20, at_least=1)
    spectrum: list[float] = ranged([1.0, 0.8, 0.6], above=0)
    width: int = ranged(5, at_least=1)
    alpha: float = ranged(0.5, above=0)
    eta: float = ranged(0.1, above=0)
    steps: int = ranged(3000, at_least=1)


@dataclass
class GlobalTask(DescentTask):
    """C11.

    Attributes:
        starts: at random.
        small: their scale with k = r.
        large: with k > r.
        steps: T.
        monotone_from: step after which no error should rise, while
        monotone_above: it is above this.
    """

    starts: int = ranged(50, at_least=1)
    small: float = ranged(0.1, above=0)
    large: float = ranged(0.5, above=0)
    steps: int = ranged(3000, at_least=1)
    monotone_from: int = ranged(200, at_least=1)
    monotone_above: float = ranged(1.0e-26, above=0)


@dataclass
class AblationsTask(DescentTask):
    """Beside C3, C4, C5 and C8.

    Attributes:
        alpha: scale of the start.
        equal_steps: with both factors of one scale.
        widths: k above r.
        conditions: singular values of other matrices.
        condition_width: their k, above r.
        condition_before: steps before they are rescaled.
        before: steps T0 before the rescaling of one run to
        beta: of F.
        steps: of every other run, at most.
    """

    alpha: float = ranged(0.5, above=0)
    equal_steps: int = ranged(2000, at_least=1)
    widths: list[int] = ranged([4, 5, 10], at_least=1)
    conditions: list[list[float]] = ranged(
        [[1.0, 1.0, 1.0], [1.0, 0.7, 0.4], [1.0, 0.5, 0.1]], above=0
    )
    condition_width: int = ranged(5, at_least=1)
    condition_before: int = ranged(1000, at_least=1)
    before: list[int] = ranged([1, 10, 50, 100, 200, 400], at_least=1)
    beta: float = ranged(1.0, above=0)
    steps: int = ranged(20000, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "symmetric": SymmetricTask,
        "asymmetric": AsymmetricTask,
        "identities": IdentitiesTask,
        "one_step": OneStepTask,
        "sensing": SensingTask,
        "rectangular": RectangularTask,
        "global_convergence": GlobalTask,
        "overparam_ablations": AblationsTask,
    }.items():
        store.store(group="schema/overparam_sensing", name=name, node=node)
