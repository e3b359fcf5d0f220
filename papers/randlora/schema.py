"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig
from common.fine_tuning.schema import SentencesTask


@dataclass
class ExactnessTask(TaskConfig):
    """R1, R2 and R9.

    Attributes:
        shapes: (rows, columns, rank) of the updates whose gradients are checked.
        built: models that are adapted on the meta device: roberta_base, roberta_large, vit_b32.
    """

    shapes: list[list[int]] = field(
        default_factory=lambda: [[9, 7, 2], [12, 12, 3], [20, 8, 1], [48, 48, 6]]
    )
    built: list[str] = field(default_factory=lambda: ["roberta_base", "roberta_large", "vit_b32"])


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

    shapes: int = 30
    size: int = 48
    rank: int = 6
    steps: int = 20
    jacobians: list[list[int]] = field(
        default_factory=lambda: [[9, 6, 3], [8, 8, 4], [12, 8, 2], [14, 9, 3]]
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

    size: int = 48
    rank: int = 6
    lora_rank: int = 4
    rounds: int = 60


@dataclass
class SpectraTask(FitTask):
    """R6.

    Attributes:
        decays: exponents of the planted spectra, rising.
        basis: law of the bases.
    """

    decays: list[float] = field(default_factory=lambda: [0.0, 0.1, 0.25, 0.5, 1.0])
    basis: str = "normal"


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

    width: int = 768
    sparsities: list[float] = field(default_factory=lambda: [2.0, 6.0, 768**0.5, 100.0, 200.0])
    draws: int = 20
    size: int = 96
    rank: int = 8
    beyond: float = 25.0
    rounds: int = 60


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
    size: int = 48
    rank: int = 6
    steps: int = 3000
    lr: float = 1.0e-2
    batch_size: int = 256
    held_out: int = 8192


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

    rank: int = 12
    lr: float = 3.0e-3
    lora_rank: int = 16
    lora_lr: float = 1.0e-3
    full_lr: float = 1.0e-4
    steps: int = 150
    batch_size: int = 16
    rows: int = 2400
    blocks: int = 6
    longest: int = 32
    plane: bool = False
    plane_size: int = 9
    plane_rows: int = 256


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

    width: int = 384
    layers: int = 4
    tokens: int = 2048
    few_tokens: int = 128
    rank: int = 6
    lora_rank: int = 16
    rounds: int = 21


@dataclass
class PeerTask(TaskConfig):
    """R15.

    Attributes:
        shapes: (rows, columns, rank).
    """

    shapes: list[list[int]] = field(
        default_factory=lambda: [[8 + 3 * i, 6 + 5 * (i % 4), 1 + i % 5] for i in range(20)]
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
