"""Accuracy against size, beside every other method; see ``common.compression.trade_off``."""

from __future__ import annotations

from functools import partial

from common.compression.trade_off.point import measure
from common.compression.trade_off.subjects import images, language_model
from common.experiment.context import RunContext, TaskResult
from papers.lr2vq.compress import LR2VQ


def resnet20(context: RunContext) -> TaskResult:
    """Accuracy of a ResNet-20 in per cent, and its costs."""
    return _measured(context, images(context))


def gpt(context: RunContext) -> TaskResult:
    """Perplexity of a small GPT, and its costs."""
    return _measured(context, language_model(context))


def _measured(context: RunContext, subject) -> TaskResult:
    own = partial(LR2VQ, seed=context.config.seed)
    return measure(context, subject, {"own": own, "plain": partial(own, part=1.0)}, trains=True)
