"""Images that batch norms are taken anew on."""

from __future__ import annotations

from torch import Tensor

from common.data.sequence import SequenceSplit
from common.experiment.context import RunContext
from common.trainers.image_task import calibration_batches


def calibration(context: RunContext, split: SequenceSplit) -> list[Tensor]:
    """``task.calibration`` augmented training images, in batches as in training."""
    config = context.config
    images, size = config.task.calibration, config.train.batch_size
    batches = calibration_batches(split, images, size, config.seed)
    return [batch[: images - number * size] for number, batch in enumerate(batches)]
