"""Perplexity against size, beside every other method; see ``common.compression.trade_off``."""

from __future__ import annotations

from common.compression.trade_off.point import measure
from common.compression.trade_off.subjects import language_model
from common.experiment.context import RunContext, TaskResult
from papers.lord.compress import OneShotLowRank


def gpt(context: RunContext) -> TaskResult:
    """Perplexity of a small GPT, and its costs; factors are trained as those of the controls."""
    subject = language_model(context)
    return measure(context, subject, {"own": lambda tuning: OneShotLowRank()}, trains=False)
