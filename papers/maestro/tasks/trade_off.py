"""Accuracy against size, beside every other method; see ``common.compression.trade_off``."""

from __future__ import annotations

from common.compression.trade_off.point import measure
from common.compression.trade_off.subjects import images, language_model
from common.experiment.context import RunContext, TaskResult
from papers.maestro.compress import Maestro


def resnet20(context: RunContext) -> TaskResult:
    """Accuracy of a ResNet-20 in per cent, and its costs."""
    return measure(context, images(context), {"own": Maestro}, trains=True)


def gpt(context: RunContext) -> TaskResult:
    """Perplexity of a small GPT, and its costs."""
    return measure(context, language_model(context), {"own": Maestro}, trains=True)
