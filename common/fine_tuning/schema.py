"""Typed configuration of a fine-tuning on labelled sentences (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    rank: int = 16
    alpha: float | None = None
    lr: float = 1.0e-3
    head_lr: float = 1.0e-3
    weight_decay: float = 0.0
    steps: int = 300
    batch_size: int = 32
    rows: int = 6400
    rows_per_class: int = 0
    held_out: int = 500
    longest: int = 48
    blocks: int = 2
    targets: list[str] = field(default_factory=lambda: ["*.query", "*.value"])
