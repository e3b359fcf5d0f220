"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig
from common.nn.schema import S4ModelConfig


@dataclass
class BasesTask(TaskConfig):
    """H3 to H6: kernels, Gram matrices and transfer functions against closed forms.

    Attributes:
        fourier_sizes: n of FouT, each four times the one before.
        figures: draw the bases and the online reconstruction.
    """

    fourier_sizes: list[int] = field(default_factory=lambda: [16, 64, 256])
    figures: bool = True


@dataclass
class TimescaleTask(TaskConfig):
    """H7, H8: reconstruction by a ridge read-out of the final state, over the step size.

    Attributes:
        measures: systems compared.
        length: steps of a signal.
        memory: m, the number of last values to rebuild.
        dt: seconds of a step.
        band: highest frequency of the signals, Hz.
        state_size: n.
        train_samples: signals that the read-out is fitted to.
        test_samples: signals that it is judged on.
        ridge: on states of unit mean square.
        discretisation: ``zoh`` or ``bilinear``.
        grid: Delta = (2/m) 2^{k/2} for k = -grid .. grid.
        dt_min: of the log-uniform distribution whose median error is taken.
        dt_max: see ``dt_min``.
        draws: number of its quantiles.
    """

    measures: list[str] = field(default_factory=lambda: ["legs", "legt", "fout", "lagt"])
    length: int = 1000
    memory: int = 250
    dt: float = 0.001
    band: float = 100.0
    state_size: int = 64
    train_samples: int = 1200
    test_samples: int = 300
    ridge: float = 1.0e-6
    discretisation: str = "zoh"
    grid: int = 6
    dt_min: float = 0.001
    dt_max: float = 0.1
    draws: int = 64


@dataclass
class ReadoutTask(TaskConfig):
    """What the two trained experiments share: signals, one layer, Adam.

    Attributes:
        length: steps of a signal.
        dt: seconds of a step.
        band: highest frequency of the signals, Hz.
        state_size: N of each copy.
        d_model: H, the number of copies.
        train_samples: signals trained on.
        test_samples: signals judged on.
        lr: of Adam.
        cosine: anneal the rate to 0.
        steps: optimiser steps.
        batch_size: signals of a step.
        discretisation: ``zoh`` or ``bilinear``, of a frozen layer.
    """

    length: int = 1000
    dt: float = 0.001
    band: float = 250.0
    state_size: int = 256
    d_model: int = 4
    train_samples: int = 2048
    test_samples: int = 512
    lr: float = 0.01
    cosine: bool = True
    steps: int = 320
    batch_size: int = 32
    discretisation: str = "zoh"


@dataclass
class DelayTask(ReadoutTask):
    """H9: delay by ``lag`` steps at Delta = 2/lag.

    Attributes:
        systems: measures, or ``s4d_real``.
        lag: in steps.
        frozen: train the read-out only; else S4 layers, all of whose parameters are trained.
        ridge: of the closed form, on states of unit variance.
    """

    systems: list[str] = field(default_factory=lambda: ["legs", "legt", "fout", "lagt", "s4d_real"])
    lag: int = 250
    frozen: bool = True
    ridge: float = 1.0e-6


@dataclass
class ReconstructTask(ReadoutTask):
    """E1, trained.

    Attributes:
        measures: systems compared.
        memory: the number of last values to rebuild.
        ranges: name -> [dt_min, dt_max] of a log-uniform Delta; ``matched`` is 2/memory.
    """

    measures: list[str] = field(default_factory=lambda: ["legs", "legt", "fout"])
    memory: int = 250
    ranges: dict[str, list[float]] = field(
        default_factory=lambda: {
            "below": [0.004, 0.008],
            "matched": [0.008, 0.008],
            "wide": [0.004, 0.4],
            "wide_above": [0.008, 0.4],
        }
    )


@dataclass
class RateTask(TaskConfig):
    """H10: errors of the truncated Fourier basis.

    Attributes:
        frequencies: N/2, ascending.
    """

    frequencies: list[int] = field(default_factory=lambda: [4, 8, 16, 32])


@dataclass
class DPLRTask(TaskConfig):
    """H11: the kernel of S4 against the dense recurrence.

    Attributes:
        sizes: N; in single precision the larger ones are reported only, see the task.
        length: of the kernel, even; one more is tried as well.
    """

    sizes: list[int] = field(default_factory=lambda: [16, 64])
    length: int = 256


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    store.store(group="schema/s4_model", name="hippo", node=S4ModelConfig)
    for name, node in {
        "bases": BasesTask,
        "timescale": TimescaleTask,
        "delay": DelayTask,
        "reconstruct": ReconstructTask,
        "rate": RateTask,
        "dplr": DPLRTask,
    }.items():
        store.store(group="schema/hippo", name=name, node=node)
