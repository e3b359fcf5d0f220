"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

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

    length: int = 64
    width: int = 4
    rank: int = 2
    gamma: float = 1.0


@dataclass
class ClosedFormsTask(InstanceTask):
    """E1 to E3.

    Attributes:
        degree: of the approximation whose ranks are taken.
        sharp_gamma: of the head whose exact weights' rank is taken.
        widths: d at which polynomial features are compared with the polynomial of the scores.
        degrees: g of these.
    """

    degree: int = 2
    sharp_gamma: float = 4.0
    widths: list[int] = field(default_factory=lambda: [2, 3, 4, 5, 6, 7, 8])
    degrees: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4, 5, 6])


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

    polynomial: str = "taylor"
    degrees: list[int] = field(default_factory=lambda: [2, 4, 6, 8])
    epsilon: float = 1.0e-3
    peer_length: int = 256
    peer_degrees: list[int] = field(default_factory=lambda: [2, 4])


@dataclass
class ScalingTask(InstanceTask):
    """E6 and E7, in float32 on one thread.

    Attributes:
        degree: g.
        lengths: L of the fast gradient, ascending; the last one's memory is taken.
        exact_up_to: the exact peers are timed up to this L.
        rounds: of which the median time is taken.
    """

    degree: int = 4
    lengths: list[int] = field(default_factory=lambda: [2048, 4096, 8192, 16384, 32768, 65536])
    exact_up_to: int = 16384
    rounds: int = 9


@dataclass
class PhaseTask(InstanceTask):
    """E8.

    Attributes:
        eta: relative error of the polynomial.
        radii: R at which the least degree is looked up.
        gammas: of the heads that are timed, ascending.
        lengths: L between which the crossing is looked for, ascending.
        rounds: of which the median time is taken.
    """

    eta: float = 1.0e-4
    radii: list[float] = field(default_factory=lambda: [0.5, 1.0, 2.0, 4.0, 8.0])
    gammas: list[float] = field(default_factory=lambda: [0.5, 1.0, 1.5, 2.0])
    lengths: list[int] = field(default_factory=lambda: [256, 512, 1024, 2048, 4096, 8192])
    rounds: int = 9


@dataclass
class AdapterNormTask(InstanceTask):
    """E9.

    Attributes:
        growths: k; the adapter's part of the queries has largest entry 0.3 k.
        degree: g of the approximation whose error is taken.
        eta: relative error for which the least degree is looked up.
        judged_below: errors above it are not on the law and enter no slope.
    """

    growths: list[int] = field(default_factory=lambda: [0, 1, 2, 4, 8])
    degree: int = 4
    eta: float = 1.0e-4
    judged_below: float = 0.05


@dataclass
class ThresholdTask(TaskConfig):
    """E10.

    Attributes:
        powers: ln L = 10^power.
        exponents: s of Gamma^2 = (ln L)^s, in hundredths.
        machine_bits: L = 2^bits, lengths that a machine could hold.
    """

    powers: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5, 6])
    exponents: list[int] = field(default_factory=lambda: [25, 50, 100])
    machine_bits: list[int] = field(default_factory=lambda: [8, 10, 12, 14, 16, 18, 20])


@dataclass
class TrainingTask(InstanceTask):
    """E11.

    Attributes:
        degree: g of the fast gradient.
        cap: on the scores, R.
        lr: of Adam.
        steps: of the optimiser.
    """

    length: int = 256
    gamma: float = 0.5
    degree: int = 4
    cap: float = 1.0
    lr: float = 0.01
    steps: int = 200


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
    windows: int = 16
    length: int = 128
    rank: int = 8
    growths: list[int] = field(default_factory=lambda: [0, 25, 50, 100, 200])
    eta: float = 1.0e-4
    max_features: int = 20_000


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
