"""Typed configuration of this paper's models and tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig
from common.nn.schema import S4ModelConfig


@dataclass
class ModelConfig(S4ModelConfig):
    """A deep classifier of diagonal state spaces; see ``papers.s4d.models``.

    Attributes:
        imag_scale: factor of the imaginary parts of a closed-form start.
        random_real: real parts uniform in [-1, 0] in place of -1/2.
        b_init: ``default`` (the start's own, mostly 1), ``one``, ``normal``, ``alternating``,
            ``unit_clockwise`` or ``unit_anticlockwise``.
        softmax: DSS' kernel.
    """

    imag_scale: float = 1.0
    random_real: bool = False
    b_init: str = "default"
    softmax: bool = False


@dataclass
class LimitTask(TaskConfig):
    """D3, D4: in which sense the kernel without the rank-one part tends to HiPPO's.

    Attributes:
        sizes: N of the limit under a zero-order hold.
        step: Delta, fixed while N grows.
        length: steps.
        continuous_sizes: N of the continuous kernels.
        horizon: end of the time interval of the continuous kernels.
    """

    sizes: list[int] = field(default_factory=lambda: [64, 256, 1024])
    step: float = 0.01
    length: int = 1000
    continuous_sizes: list[int] = field(default_factory=lambda: [16, 64, 256, 1024])
    horizon: float = 5.0


@dataclass
class AgreementTask(TaskConfig):
    """D6, D9: the kernel in two lines against the recurrence and the dense system; DSS' softmax."""

    state_size: int = 16
    channels: int = 4
    length: int = 1024


@dataclass
class SpectrumTask(TaskConfig):
    """D8: asymptotics of the spectrum of A_perp."""

    sizes: list[int] = field(default_factory=lambda: [24, 48, 64, 100, 256, 512, 1024])


@dataclass
class InitialDelayTask(TaskConfig):
    """D5 (a): which starts can recall their input, by ridge regression in closed form.

    Attributes:
        band: of the input, as a fraction of the Nyquist frequency.
        lag: steps to recall.
        length: steps that the state has seen.
        state_size: N real dimensions of the state.
        ridge: on states of unit variance.
        seeds: draws of the random starts.
    """

    band: float = 0.5
    lag: int = 250
    length: int = 1000
    state_size: int = 256
    ridge: float = 1.0e-6
    seeds: int = 3


@dataclass
class RateTask(TaskConfig):
    """D10: half the sampling rate, twice the step.

    Attributes:
        periods: of the sines, in steps.
        ramp: steps over which the input fades in.
        length: steps.
        state_size: N.
        steps: Delta of the full rate.
        short_period: reported beside, not judged.
    """

    periods: list[float] = field(default_factory=lambda: [400.0, 235.0, 138.0])
    ramp: int = 400
    length: int = 4000
    state_size: int = 64
    steps: list[float] = field(default_factory=lambda: [0.001, 0.01])
    short_period: float = 100.0


@dataclass
class PerturbationTask(TaskConfig):
    """A random rank-one part in the place of HiPPO's.

    Attributes:
        state_size: N.
        seeds: random vectors.
        step: Delta, over which kernels are averaged.
        length: steps.
    """

    state_size: int = 64
    seeds: int = 20
    step: float = 0.1
    length: int = 50


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    store.store(group="schema/s4_model", name="s4d", node=ModelConfig)
    for name, node in {
        "limit": LimitTask,
        "agreement": AgreementTask,
        "spectrum": SpectrumTask,
        "initial_delay": InitialDelayTask,
        "rate": RateTask,
        "perturbation": PerturbationTask,
    }.items():
        store.store(group="schema/s4d", name=name, node=node)
