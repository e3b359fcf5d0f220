"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class IdentitiesTask(TaskConfig):
    """U1, U3, U5 and U16.

    Attributes:
        weights: the encoder whose layers are decomposed.
        shapes: random ones: tall, wide, of rank 1, singular.
        layers: random ones, for gradient and structure.
        rank: of the encoder's adapters.
    """

    weights: Any = None
    shapes: int = ranged(40, at_least=1)
    layers: int = ranged(30, at_least=1)
    rank: int = ranged(384, at_least=1)


@dataclass
class FactorsTask(TaskConfig):
    """U4 and U6.

    Attributes:
        weights: the encoder whose layers are decomposed.
        size: of square Gaussian matrices.
        draws: of these.
    """

    weights: Any = None
    size: int = ranged(64, at_least=2)
    draws: int = ranged(10, at_least=1)


@dataclass
class CapacityTask(TaskConfig):
    """U2 and U7.

    Attributes:
        size: of the square target.
        rank: trained numbers.
        draws: targets.
    """

    size: int = ranged(32, at_least=1)
    rank: int = ranged(32, at_least=1)
    draws: int = ranged(20, at_least=1)


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "ldu_identities": IdentitiesTask,
        "ldu_factors": FactorsTask,
        "ldu_capacity": CapacityTask,
    }.items():
        store.store(group="schema/loldu", name=name, node=node)
