"""Typed configuration of a fine-tuning on labelled sentences (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class SentencesTask(TaskConfig):
    """One method on one set, on the upper blocks of a trained sentence encoder.

    Attributes:
        dataset: the set.
        weights: the encoder.
        method: one of the paper's, or of `common.fine_tuning.baselines`.
        rank: of the method; what it means there.
        alpha: scale of the method's update; None takes the method's own.
        lr: of the adapted part.
        head_lr: of the head, the same for every method.
        weight_decay: of the adapted part.
        steps: of the optimiser.
        batch_size: rows of a step.
        rows: for training, drawn by the seed; 0 takes all.
        rows_per_class: for training, of each class, in place of `rows`; 0 leaves that to `rows`.
        held_out: training rows apart, on which rates are chosen.
        longest: tokens of a row.
        blocks: of the encoder that are adapted, from above; what is below is frozen.
        targets: patterns of the linear layers that are adapted.
    """

    weights: Any = None
    method: str = "lora"
    rank: int = ranged(16, at_least=1)
    alpha: float | None = ranged(None, above=0)
    lr: float = ranged(1.0e-3, above=0)
    head_lr: float = ranged(1.0e-3, above=0)
    weight_decay: float = ranged(0.0, at_least=0)
    steps: int = ranged(300, at_least=1)
    batch_size: int = ranged(32, at_least=1)
    rows: int = ranged(6400, at_least=0)
    rows_per_class: int = ranged(0, at_least=0)
    held_out: int = ranged(500, at_least=1)
    longest: int = ranged(48, at_least=3)
    blocks: int = ranged(2, at_least=1)
    targets: list[str] = field(default_factory=lambda: ["*.query", "*.value"])
