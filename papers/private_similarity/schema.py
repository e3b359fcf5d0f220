"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig
from papers.private_similarity.schema_distances import (
    DistanceFloorTask,
    EuclideanSumsTask,
    RealColumnsTask,
    SquaredSumsTask,
    TreeAgainstGridTask,
    TreeBiasTask,
    TreeNoiseTask,
)
from papers.private_similarity.schema_kernels import (
    GlossCostTask,
    KernelCostTask,
    KernelNoiseTask,
    KernelProjectionTask,
    LowDimensionsTask,
    SmoothKernelsTask,
)


@dataclass
class PrivateClassesTask(TaskConfig):
    """C12.

    Attributes:
        dataset: features and classes.
        train: rows, 0 for all.
        test: rows, 0 for all.
        epsilons: of the releases.
        delta: of Gaussian noise and of DP-SGD.
        repeats: of releases that are timed.
        samplings: q of DP-SGD.
        rates: step sizes of it.
        steps: of it, for each of ``samplings``.
        clip: norm of a row's gradient.
        mlp_epsilons: at which a small network is trained too, by the first of ``samplings``, and
            structures are released, class by class.
        hidden: neurons of it.
        structure_queries: rows of the test that these are asked with.
        features: pairs, of kernels.
        height: h of l1 trees.
    """

    dataset: Any = None
    train: int = ranged(0, at_least=0)
    test: int = ranged(0, at_least=0)
    epsilons: list[float] = ranged([0.5, 1.0, 2.0, 4.0, 8.0], above=0)
    delta: float = ranged(1.0e-5, above=0, below=1)
    repeats: int = ranged(5, at_least=1)
    samplings: list[float] = ranged([0.1, 0.25, 1.0], above=0, at_most=1)
    rates: list[float] = ranged([2.0, 8.0, 32.0], above=0)
    steps: list[int] = ranged([600, 150, 60], at_least=1)
    clip: float = ranged(1.0, above=0)
    mlp_epsilons: list[float] = ranged([2.0], above=0)
    hidden: int = ranged(64, at_least=1)
    structure_queries: int = ranged(1000, at_least=1)
    features: int = ranged(100, at_least=1)
    height: int = ranged(6, at_least=1, at_most=16)


@dataclass
class PrivacyAuditTask(TaskConfig):
    """C13, C14.

    Attributes:
        epsilons: claimed.
        points: n.
        height: h of the tree.
        releases: of each of two neighbouring sets.
        confidence: of the lower bound.
    """

    epsilons: list[float] = ranged([0.5, 1.0, 2.0], above=0)
    points: int = ranged(100, at_least=1)
    height: int = ranged(3, at_least=1, at_most=16)
    releases: int = ranged(20_000, at_least=4)
    confidence: float = ranged(0.95, above=0, below=1)


TASKS = {
    "tree_bias": TreeBiasTask,
    "tree_noise": TreeNoiseTask,
    "tree_against_grid": TreeAgainstGridTask,
    "real_columns": RealColumnsTask,
    "euclidean_sums": EuclideanSumsTask,
    "squared_sums": SquaredSumsTask,
    "kernel_projection": KernelProjectionTask,
    "kernel_cost": KernelCostTask,
    "gloss_cost": GlossCostTask,
    "kernel_noise": KernelNoiseTask,
    "low_dimensions": LowDimensionsTask,
    "smooth_kernels": SmoothKernelsTask,
    "distance_floor": DistanceFloorTask,
    "private_classes": PrivateClassesTask,
    "privacy_audit": PrivacyAuditTask,
}


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in TASKS.items():
        store.store(group="schema/private_similarity", name=name, node=node)
