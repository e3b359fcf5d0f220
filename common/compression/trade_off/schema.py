"""Typed configuration of a point of the trade-off (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.experiment.schema import TaskConfig


@dataclass
class TradeOffTask(TaskConfig):
    """One method at one budget on one of the shared checkpoints.

    Attributes:
        weights: the checkpoint, a ``TrainedResNetSpec`` or a ``ReferenceLMSpec``.
        method: ``own``, the paper's (of lr2vq also ``plain``, vector quantisation without a map),
            or a control of ``common.compression.trade_off.controls``.
        budget_of: ``parameters``, ``macs`` or ``bytes``.
        budget: part of what the dense model takes; none where the method has no choice (``int8``).
        steps: of training: in the method if it trains, after it if not.
        lr: of the training, from which it falls linearly to 0.
        scratch_lr: the same for ``small_dense``, which starts from nothing.
        batch_size: images, or windows, of a step.
        calibration: images, or tokens, that statistics are taken of.
        judged_tokens: validation tokens that a language model is judged on.
        context: tokens of a window; 0 takes the model's positions.
    """

    weights: Any = None
    method: str = "own"
    budget_of: str = "macs"
    budget: float | None = 0.5
    steps: int = 100
    lr: float = 0.01
    scratch_lr: float = 0.1
    batch_size: int = 64
    calibration: int = 1024
    judged_tokens: int = 25_600
    context: int = 0
