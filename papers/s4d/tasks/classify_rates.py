"""E2: classify, then classify the same test set at half its sampling rate, without training.

As with Speech Commands at 16 and 8 kHz: every second sample is left out and every Delta doubled.
"""

from __future__ import annotations

import torch
from torch import nn

from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.trainers.fit import load_best
from common.trainers.module import correct
from common.trainers.s4_groups import s4_rules
from common.trainers.sequence_task import load_data, report, train
from papers.s4d.models import build


def run(context: RunContext) -> TaskResult:
    """Train and score as ``classify``; ``accuracy_half_rate`` with the steps doubled and, as its
    control, ``accuracy_half_rate_unscaled`` with the steps as trained."""
    config = context.config
    data = load_data(context)
    if data.test.lengths is not None or data.channels is None:
        raise InvalidInputError(
            "half the sampling rate needs real-valued sequences of one length; allowed: "
            "task=sequential/chirps."
        )
    model = build(config.model, data)
    fitted = train(context, model, data, s4_rules(config.optimizer))
    result = report(config, data, fitted, model)
    if not config.train.timed_only:
        load_best(model, context.folder).to(device(config.trainer))
        size = config.train.eval_batch_size
        result.metrics |= {
            "accuracy_half_rate": accuracy_at(model, data.test, 2, 2.0, size),
            "accuracy_half_rate_unscaled": accuracy_at(model, data.test, 2, 1.0, size),
        }
    return result


@torch.no_grad()
def accuracy_at(
    model: nn.Module, split: SequenceSplit, every: int, rate: float, batch_size: int
) -> float:
    """Per cent right on every ``every``-th sample, with step sizes multiplied by ``rate``."""
    model.eval()
    where = next(model.parameters()).device
    right = 0.0
    for inputs, targets in zip(
        split.inputs[:, ::every].split(batch_size), split.targets.split(batch_size), strict=True
    ):
        outputs = model(inputs.to(where), None, rate)
        right += float(correct(outputs, targets.to(where)).sum())
    return right / len(split)
