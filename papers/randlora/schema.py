"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig
from common.fine_tuning.schema import SentencesTask


@dataclass
class ExactnessTask(TaskConfig):
    """R1, R2 and R9.

    Attributes:
        shapes: (rows, columns, rank) of the updates whose gradients are checked.
        built: models that are adapted on the meta device: roberta_base, roberta_large, vit_b32.
    """

    shapes: list[list[int]] = ranged(
        [[9, 7, 2], [12, 12, 3], [20, 8, 1], [48, 48, 6]], at_least=1, count=3
    )
    built: list[str] = ranged(
        ["roberta_base", "roberta_large", "vit_b32"],
        one_of=("roberta_base", "roberta_large", "vit_b32"),
    )


@dataclass
class RanksTask(TaskConfig):
    """R3 and R4.

    Attributes:
        shapes: random ones, whose update's rank is taken.
        size: of the square matrix that is trained.
        rank: of its bases.
        steps: of AdamW.
        jacobians: (rows, columns, rank) of updates whose dimension is measured.
    """

    shapes: int = ranged(30, at_least=1)
    size: int = ranged(48, at_least=1)
    rank: int = ranged(6, at_least=1)
    steps: int = ranged(20, at_least=2)
    jacobians: list[list[int]] = ranged(
        [[9, 6, 3], [8, 8, 4], [12, 8, 2], [14, 9, 3]], at_least=1, count=3
    )


@dataclass
class FitTask(TaskConfig):
    """What tasks of best fits share.

    Attributes:
        size: of the square target.
        rank: of RandLoRA's bases.
        lora_rank: of a LoRA with no more numbers.
        rounds: of alternating least squares.
    """

    size: int = ranged(48, at_least=1)
    rank: int = ranged(6, at_least=1)
    lora_rank: int = ranged(4, at_least=1)
    rounds: int = ranged(60, at_least=1)


@dataclass
class SpectraTask(FitTask):
    """R6.

    Attributes:
        decays: exponents of the planted spectra, rising.
        basis: law of the bases.
    """

    decays: list[float] = ranged([0.0, 0.1, 0.25, 0.5, 1.0], at_least=0)
    basis: str = ranged("normal", one_of=("uniform", "normal", "binary", "ternary"))


@dataclass
class SparseTask(TaskConfig):
    """R11.

    Attributes:
        width: of the matrices whose zeros are counted and whose rank is taken.
        sparsities: s of these.
        draws: of which the rank is taken.
        size: of the target that is fitted.
        rank: of the bases.
        beyond: s above sqrt(size), as 200 is above sqrt(768).
        rounds: of alternating least squares.
    """

    width: int = ranged(768, at_least=1)
    sparsities: list[float] = ranged([2.0, 6.0, 768**0.5, 100.0, 200.0], at_least=2)
    draws: int = ranged(20, at_least=1)
    size: int = ranged(96, at_least=1)
    rank: int = ranged(8, at_least=1)
    beyond: float = ranged(25.0, at_least=1)
    rounds: int = ranged(60, at_least=1)


@dataclass
class UpdateRankTask(TaskConfig):
    """R7.

    Attributes:
        arm: "a", "b" or "full".
        size: of the square weight.
        rank: of the bases.
        steps: of Adam.
        lr: at the start; it falls to 0 as a cosine.
        batch_size: inputs of a step, never seen again.
        held_out: inputs of the judged loss.
    """

    arm: str = "full"
    size: int = ranged(48, at_least=1)
    rank: int = ranged(6, at_least=2)
    steps: int = ranged(3000, at_least=2)
    lr: float = ranged(1.0e-2, above=0)
    batch_size: int = ranged(256, at_least=1)
    held_out: int = ranged(8192, at_least=1)


@dataclass
class AlignmentTask(SentencesTask):
    """R13 and R14.

    Attributes:
        lora_rank: of LoRA.
        lora_lr: of LoRA.
        full_lr: of full fine-tuning.
        plane: compute the loss on the plane through the three solutions.
        plane_size: points on a side.
        plane_rows: training rows of a loss.
    """

    rank: int = ranged(12, at_least=1)
    lr: float = ranged(3.0e-3, above=0)
    lora_rank: int = ranged(16, at_least=1)
    lora_lr: float = ranged(1.0e-3, above=0)
    full_lr: float = ranged(1.0e-4, above=0)
    steps: int = ranged(150, at_least=1)
    batch_size: int = ranged(16, at_least=1)
    rows: int = ranged(2400, at_least=0)
    blocks: int = ranged(6, at_least=1)
    longest: int = ranged(32, at_least=3)
    plane: bool = False
    plane_size: int = ranged(9, at_least=2)
    plane_rows: int = ranged(256, at_least=1)


@dataclass
class CostTask(TaskConfig):
    """R12.

    Attributes:
        width: of square layers.
        layers: in a row.
        tokens: of a batch, so many that the weight is formed.
        few_tokens: so few that it is not.
        rank: of the bases.
        lora_rank: of LoRA.
        rounds: of which the median is taken.
    """

    width: int = ranged(384, at_least=1)
    layers: int = ranged(4, at_least=1)
    tokens: int = ranged(2048, at_least=1)
    few_tokens: int = ranged(128, at_least=1)
    rank: int = ranged(6, at_least=1)
    lora_rank: int = ranged(16, at_least=1)
    rounds: int = ranged(21, at_least=1)


@dataclass
class PeerTask(TaskConfig):
    """R15.

    Attributes:
        shapes: (rows, columns, rank).
    """

    shapes: list[list[int]] = ranged(
        [[8 + 3 * i, 6 + 5 * (i % 4), 1 + i % 5] for i in range(20)], at_least=1, count=3
    )


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "exactness": ExactnessTask,
        "ranks": RanksTask,
        "floors": FitTask,
        "spectra": SpectraTask,
        "sparse_bases": SparseTask,
        "update_rank": UpdateRankTask,
        "alignment": AlignmentTask,
        "cost": CostTask,
        "peer": PeerTask,
    }.items():
        store.store(group="schema/randlora", name=name, node=node)
