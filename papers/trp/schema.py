"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class ProjectionSettings:
    """What every training of this paper shares.

    Attributes:
        form: ``channel`` (NC), ``spatial`` (VH) or ``decoupled`` (ND).
        left_out: e, the part of the energy that a projection may remove.
        period: m, steps from one projection to the next.
    """

    form: str = "spatial"
    left_out: float = 0.02
    period: int = 5


@dataclass
class RankPruningTask(TaskConfig):
    """T1, T2, T3: trained rank pruning from a trained network, beside its controls.

    Attributes:
        weights: the trained network, a ``TrainedResNetSpec``.
        projection: see there.
        nuclear: lambda of each training with projection: first 0, TRP; then those of TRP+Nu.
        penalty_only: lambda of a training without projection (Nu); none leaves it out.
        cut_first: also the network that is cut at TRP's speed-up first and trained in factors.
        final_left_out: e of the final decomposition of trained networks.
        energy_step: grid of e on which a control's cut is looked for.
        curves: e of the one-shot cuts of the untouched network, channel and spatial.
    """

    weights: Any = None
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    nuclear: list[float] = field(default_factory=lambda: [0.0])
    penalty_only: float | None = None
    cut_first: bool = True
    final_left_out: float = 0.001
    energy_step: float = 0.005
    curves: list[float] = field(default_factory=lambda: [0.02, 0.05, 0.1, 0.15, 0.2, 0.3])


@dataclass
class FromScratchTask(TaskConfig):
    """The published setting: train with projection from the first step, then decompose.

    Attributes:
        depth: of the authors' network.
        imagenet: the network of that depth for ImageNet, which cannot be had here.
        projection: see there.
        nuclear: lambda.
        overwrite: project; else only penalise.
        final_threshold: singular values below it are dropped (channel, spatial).
        final_left_out: e of the final decomposition of the decoupled form, in place of that.
        retrain_epochs: of the decomposed network; 0 for none.
    """

    depth: int = 20
    imagenet: bool = False
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    nuclear: float = 3.0e-4
    overwrite: bool = True
    final_threshold: float = 0.05
    final_left_out: float = 0.15
    retrain_epochs: int = 0


@dataclass
class StabilityTask(TaskConfig):
    """T5: random pairs (T, E).

    Attributes:
        left_out: values of e.
        pairs: of each.
    """

    left_out: list[float] = field(default_factory=lambda: [0.005, 0.02, 0.1])
    pairs: int = 200


@dataclass
class SubgradientTask(TaskConfig):
    """T6: directions and points at which the sub-gradient is tried.

    Attributes:
        points: Y, of each matrix.
    """

    points: int = 100


@dataclass
class EquivalenceTask(TaskConfig):
    """T7: factors against the projected layer; no settings."""


@dataclass
class CostTask(TaskConfig):
    """T8: CPU time of a step.

    Attributes:
        weights: the trained network.
        projection: its period is replaced by each of ``periods``.
        periods: m.
        nuclear: lambda of one more training, at the first period.
        rounds: repetitions, the trainings taking turns.
    """

    weights: Any = None
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    periods: list[int] = field(default_factory=lambda: [20, 5, 1])
    nuclear: float = 0.3
    rounds: int = 3


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "rank_pruning": RankPruningTask,
        "from_scratch": FromScratchTask,
        "stability": StabilityTask,
        "subgradient": SubgradientTask,
        "equivalence": EquivalenceTask,
        "cost": CostTask,
    }.items():
        store.store(group="schema/trp", name=name, node=node)
