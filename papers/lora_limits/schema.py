"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class InstanceTask(TaskConfig):
    """A Gaussian head, see ``instances.standard_problem``.

    Attributes:
        length: L, tokens.
        width: d.
        rank: r, of the adapters.
        gamma: largest entry of X W_Q and of X W_K.
    """

    length: int = ranged(64, at_least=1)
    width: int = ranged(4, at_least=1)
    rank: int = ranged(2, at_least=1)
    gamma: float = ranged(1.0, above=0)


@dataclass
class ClosedFormsTask(InstanceTask):
    """E1 to E3.

    Attributes:
        degree: of the approximation whose ranks are taken.
        sharp_gamma: of the head whose exact weights' rank is taken.
        widths: d at which polynomial features are compared with the polynomial of the scores.
        degrees: g of these.
    """

    degree: int = ranged(2, at_least=0)
    sharp_gamma: float = ranged(4.0, above=0)
    widths: list[int] = ranged([2, 3, 4, 5, 6, 7, 8], at_least=1)
    degrees: list[int] = ranged([0, 1, 2, 3, 4, 5, 6], at_least=0)


@dataclass
class GradientErrorTask(InstanceTask):
    """E4 and E5.

    Attributes:
        polynomial: ``taylor`` or ``chebyshev``.
        degrees: g, ascending.
        epsilon: that is promised to the adapters' gradients; the degree follows.
        peer_length: tokens of the head on which other methods are compared.
        peer_degrees: g whose k1 is the budget of random features and of the truncated SVD.
    """

    polynomial: str = ranged("taylor", one_of=("taylor", "chebyshev"))
    degrees: list[int] = ranged([2, 4, 6, 8], at_least=0)
    epsilon: float = ranged(1.0e-3, above=0)
    peer_length: int = ranged(256, at_least=1)
    peer_degrees: list[int] = ranged([2, 4], at_least=0)


@dataclass
class ScalingTask(InstanceTask):
    """E6 and E7, in float32 on one thread.

    Attributes:
        degree: g.
        lengths: L of the fast gradient, ascending, in place of `length`; memory is taken at each.
        exact_up_to: the exact peers are timed up to this L.
        rounds: of which the median time is taken; the exact gradient has a third of them, the fused
            kernel one.
    """

    degree: int = ranged(4, at_least=0)
    lengths: list[int] = ranged([2048, 4096, 8192, 16384, 32768, 65536], at_least=1)
    exact_up_to: int = ranged(16384, at_least=1)
    rounds: int = ranged(9, at_least=1)


@dataclass
class PhaseTask(InstanceTask):
    """E8; `length` and `gamma` are not read.

    Attributes:
        eta: relative error of the polynomial.
        radii: R at which the least degree is looked up.
        gammas: of the heads that are timed, ascending.
        lengths: L between which the crossing is looked for, ascending.
        rounds: of which the median time is taken.
    """

    eta: float = ranged(1.0e-4, above=0, below=1)
    radii: list[float] = ranged([0.5, 1.0, 2.0, 4.0, 8.0], above=0)
    gammas: list[float] = ranged([0.5, 1.0, 1.5, 2.0], above=0)
    lengths: list[int] = ranged([256, 512, 1024, 2048, 4096, 8192], at_least=1)
    rounds: int = ranged(9, at_least=1)


@dataclass
class AdapterNormTask(InstanceTask):
    """E9; `gamma` is not read.

    Attributes:
        growths: k; the adapter's part of the queries has largest entry 0.3 k.
        degree: g of the approximation whose error is taken.
        eta: relative error for which the least degree is looked up.
        judged_below: errors above it are not on the law and enter no slope.
    """

    growths: list[int] = ranged([0, 1, 2, 4, 8], at_least=0)
    degree: int = ranged(4, at_least=0)
    eta: float = ranged(1.0e-4, above=0, below=1)
    judged_below: float = ranged(0.05, above=0)


@dataclass
class ThresholdTask(TaskConfig):
    """E10.

    Attributes:
        powers: ln L = 10^power.
        exponents: s of Gamma^2 = (ln L)^s, in hundredths.
        machine_bits: L = 2^bits, lengths that a machine could hold.
    """

    powers: list[int] = ranged([1, 2, 3, 4, 5, 6], at_least=1, at_most=300)
    exponents: list[int] = ranged([25, 50, 100], at_least=1)
    machine_bits: list[int] = ranged([8, 10, 12, 14, 16, 18, 20], at_least=1)


@dataclass
class TrainingTask(InstanceTask):
    """E11.

    Attributes:
        degree: g of the fast gradient.
        cap: on the scores, R.
        lr: of Adam.
        steps: of the optimiser.
    """

    length: int = ranged(256, at_least=1)
    gamma: float = ranged(0.5, above=0)
    degree: int = ranged(4, at_least=0)
    cap: float = ranged(1.0, above=0)
    lr: float = ranged(0.01, above=0)
    steps: int = ranged(200, at_least=1)


@dataclass
class RealHeadsTask(TaskConfig):
    """E8 and E9 on a sentence encoder that others trained.

    Attributes:
        weights: the encoder.
        windows: of glosses, one after the other.
        length: tokens of a window, its opening and closing one included.
        rank: of adapters that are added to the queries.
        growths: largest entry of the adapter's part over that of the frozen part, in per cent.
        eta: relative error for which the least degree is looked up.
        max_features: monomials that a fast gradient may have.
    """

    weights: Any = None
    windows: int = ranged(16, at_least=1)
    length: int = ranged(128, at_least=3)
    rank: int = ranged(8, at_least=1)
    growths: list[int] = ranged([0, 25, 50, 100, 200], at_least=0)
    eta: float = ranged(1.0e-4, above=0, below=1)
    max_features: int = ranged(20_000, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "closed_forms": ClosedFormsTask,
        "gradient_error": GradientErrorTask,
        "scaling": ScalingTask,
        "phase": PhaseTask,
        "adapter_norm": AdapterNormTask,
        "threshold": ThresholdTask,
        "training": TrainingTask,
        "real_heads": RealHeadsTask,
    }.items():
        store.store(group="schema/lora_limits", name=name, node=node)
