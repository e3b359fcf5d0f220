"""Typed configuration of a training (standard library only: read at start-up)."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class OptimizerConfig:
    """Parameter groups of a state-space model and the schedule.

    Attributes:
        lr: of every parameter outside the groups below, with weight decay.
        ssm_lr: of the spectrum (and of what a paper trains with it), without decay.
        dt_lr: of the step sizes; none takes ``ssm_lr``.
        c_lr: of C; none takes ``lr``.
        weight_decay: AdamW's, decoupled.
        schedule: one of ``common.trainers.schedules.SCHEDULES``.
        warmup_epochs: linear warm-up, in epochs.
        warmup_steps: warm-up, in steps.
        total_steps: length of the schedule in steps, warm-up included; 0 takes the whole training.
    """

    lr: float = MISSING
    ssm_lr: float = MISSING
    dt_lr: float | None = None
    c_lr: float | None = None
    weight_decay: float = 0.05
    schedule: str = "warmup_cosine_steps"
    warmup_epochs: int = 1
    warmup_steps: int = 0
    total_steps: int = 0


@dataclass
class TrainConfig:
    """The loop.

    Attributes:
        batch_size: sequences (pairs of documents in Retrieval) of a step.
        epochs: passes over the training split.
        cut_to_longest: cut a batch to its longest sequence, else pad to l_max as S5 does.
        eval_batch_size: sequences of an evaluation batch.
        timed_only: the budget is too small to learn anything: report times, no accuracy.
    """

    batch_size: int = MISSING
    epochs: int = MISSING
    cut_to_longest: bool = True
    eval_batch_size: int = 100
    timed_only: bool = False
