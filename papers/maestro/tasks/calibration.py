"""Images that batch norms are taken anew on."""

from __future__ import annotations

from torch import Tensor

from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.experiment.context import RunContext
from common.trainers.image_task import calibration_batches


def check_calibration(context: RunContext, split: SequenceSplit) -> None:
    """Before anything is trained.

    Raises:
        InvalidInputError: ``task.calibration`` is more than the images of the split.
    """
    images = context.config.task.calibration
    if not 0 <= images <= len(split):
        raise InvalidInputError(
            f"task.calibration={images}; allowed: 0 to {len(split)}, the training images."
        )


def calibration(context: RunContext, split: SequenceSplit) -> list[Tensor]:
    """``task.calibration`` augmented training images, in batches as in training."""
    config = context.config
    images, size = config.task.calibration, config.train.batch_size
    batches = calibration_batches(split, images, size, config.seed)
    return [batch[: images - number * size] for number, batch in enumerate(batches)]
