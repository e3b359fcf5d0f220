"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig
from papers.hierarchical_polynomials.choices import (
    FEATURE_RIDGES,
    KERNEL_RIDGES,
    LAST_RIDGES,
    RIDGES,
    SHAPES,
    SOLVERS,
)


@dataclass
class PolynomialTask(TaskConfig):
    """A target g(p(x)), and the network that learns it.

    Attributes:
        size: d.
        degree: k, of p.
        feature: shape of p.
        link: coefficients of g in normalised Hermite polynomials.
        width: m2.
        last_width: m1.
        ridges: xi1 that are tried.
        test: samples of the test set.
    """

    size: int = ranged(32, at_least=1)
    degree: int = ranged(2, at_least=1)
    feature: str = ranged("balanced", one_of=SHAPES)
    link: list[float] = ranged([0.0, 1.0, 1.0])
    width: int = ranged(3000, at_least=1)
    last_width: int = ranged(256, at_least=1)
    ridges: list[float] = ranged(list(RIDGES), above=0)
    test: int = ranged(8000, at_least=2)


@dataclass
class LayerwiseTask(PolynomialTask):
    """H1, H3, H5, H8, H10, H12; ablations.

    Attributes:
        samples: n, both halves, ascending.
        activation: sigma2: "hermite", or "no_top", without its degree k, or "relu".
        shift: whether sigma2's argument is shifted.
        skip: whether g_u is added to the output.
        split: whether the stages have samples of their own; else both see all n, and xi1 is chosen
            by five-fold validation.
        solver: of both stages: "ridge", in closed form, or "descent", gradient descent.
        steps: of descent at most, T1 and T2.
        last_ridges: xi2 that are tried.
    """

    samples: list[int] = ranged([8192, 16384], at_least=10)
    activation: str = ranged("hermite", one_of=("hermite", "no_top", "relu"))
    shift: bool = True
    skip: bool = True
    split: bool = True
    solver: str = ranged("ridge", one_of=SOLVERS)
    steps: int = ranged(10_000, at_least=1)
    last_ridges: list[float] = ranged(list(LAST_RIDGES), above=0)


@dataclass
class KernelRidgeTask(PolynomialTask):
    """H4, H12.

    Attributes:
        kernel: which.
        samples: n, all of which it sees, ascending.
        ridges: of the kernel's matrix, of which the test set chooses.
    """

    kernel: str = ranged("gaussian", one_of=("gaussian", "polynomial", "arc_cosine"))
    samples: list[int] = ranged([4096, 8192], at_least=10)
    ridges: list[float] = ranged(list(KERNEL_RIDGES), above=0)
    test: int = ranged(4000, at_least=2)


@dataclass
class SampleComplexityTask(PolynomialTask):
    """H2.

    Attributes:
        sizes: d, ascending.
        widths: m2 of each.
        multiples: n / d^k of each, ascending.
        share: of the limit of the correlation.
        problems: of which medians are taken.
    """

    sizes: list[int] = ranged([16, 24, 32], at_least=2)
    widths: list[int] = ranged([1500, 2500, 3000], at_least=1)
    multiples: list[list[float]] = ranged(
        [[4.0, 8.0, 16.0], [4.0, 8.0, 16.0], [2.0, 4.0, 8.0]], above=0
    )
    share: float = ranged(0.85, above=0, below=1)
    problems: int = ranged(4, at_least=1)


@dataclass
class FiniteDimensionTask(TaskConfig):
    """H5, H9.

    Attributes:
        sizes: d, ascending; the first is that of unequal lambda and of rank one.
        draws: of x.
    """

    sizes: list[int] = ranged([16, 32, 64], at_least=2)
    draws: int = ranged(1_000_000, at_least=100)


@dataclass
class LastLayerTask(PolynomialTask):
    """H6.

    Attributes:
        sizes: d, ascending.
        samples: n of stage two, ascending.
        bound: of the relative error.
        problems: of which medians are taken.
    """

    sizes: list[int] = ranged([16, 64], at_least=2)
    samples: list[int] = ranged([16, 32, 64, 128, 256, 512, 1024], at_least=5)
    bound: float = ranged(0.02, above=0)
    problems: int = ranged(24, at_least=1)


@dataclass
class OneStepTask(PolynomialTask):
    """H7.

    Attributes:
        sizes: d, ascending.
        widths: m2 of each.
        multiple: n / d^k.
    """

    sizes: list[int] = ranged([12, 16, 24], at_least=2)
    widths: list[int] = ranged([1000, 1500, 2500], at_least=1)
    multiple: float = ranged(4.0, above=0)


@dataclass
class DescentTask(PolynomialTask):
    """H11.

    Attributes:
        samples: n, both halves.
        ridge: xi1.
        relative: distance from the solution, over its length, at which steps are counted.
        allowed: steps, in units of 1 / (eta xi1).
    """

    size: int = ranged(12, at_least=1)
    width: int = ranged(400, at_least=1)
    samples: int = ranged(1152, at_least=10)
    ridge: float = ranged(1.0, above=0)
    relative: float = ranged(1.0e-6, above=0, below=1)
    allowed: float = ranged(40.0, above=0)


@dataclass
class EndToEndTask(PolynomialTask):
    """What H4 is read beside.

    Attributes:
        samples: n, both halves; the second chooses rate and epoch.
        feature_ridges: of random features on all n, of which the test set chooses.
        two_layer_width: of that network.
        three_layer_width: of both layers of that.
        rates: of Adam, that are tried.
        batch: rows a step.
        epochs: at most.
        patience: epochs without a better one.
    """

    samples: int = ranged(8192, at_least=10)
    feature_ridges: list[float] = ranged(list(FEATURE_RIDGES), above=0)
    two_layer_width: int = ranged(1024, at_least=1)
    three_layer_width: int = ranged(256, at_least=1)
    rates: list[float] = ranged([3.0e-4, 1.0e-3, 3.0e-3], above=0)
    batch: int = ranged(128, at_least=1)
    epochs: int = ranged(200, at_least=1)
    patience: int = ranged(20, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "layerwise_training": LayerwiseTask,
        "kernel_ridge": KernelRidgeTask,
        "sample_complexity": SampleComplexityTask,
        "finite_dimension": FiniteDimensionTask,
        "last_layer": LastLayerTask,
        "one_gradient_step": OneStepTask,
        "ridge_descent": DescentTask,
        "end_to_end": EndToEndTask,
    }.items():
        store.store(group="schema/hierarchical_polynomials", name=name, node=node)
