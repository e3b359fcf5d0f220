"""Typed configuration of the training of image networks (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class ImageOptimizerConfig:
    """The optimiser and its rate.

    Attributes:
        name: ``sgd`` or ``adam``.
        lr: the first rate.
        momentum: of SGD.
        weight_decay: added to the gradient, of every parameter.
        schedule: ``constant``, ``linear`` (to 0) or ``steps`` (a tenth after each milestone).
        milestones: parts of the training.
    """

    name: str = "sgd"
    lr: float = MISSING
    momentum: float = 0.9
    weight_decay: float = 1.0e-4
    schedule: str = "linear"
    milestones: list[float] = field(default_factory=lambda: [0.5, 0.75])


@dataclass
class ImageTrainConfig:
    """The loop; ``trainer.max_steps`` may end it earlier.

    Attributes:
        batch_size: images of a step.
        epochs: passes over the training split.
        augment: cut out of a border of 4 pixels, and mirrored, at random.
        eval_batch_size: images of an evaluation batch.
    """

    batch_size: int = MISSING
    epochs: int = MISSING
    augment: bool = True
    eval_batch_size: int = 250
