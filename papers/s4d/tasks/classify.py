"""E1 and E2: classify sequences."""

from __future__ import annotations

from common.experiment.context import RunContext, TaskResult
from common.trainers.s4_groups import s4_rules
from common.trainers.sequence_task import load_data, report, train
from papers.s4d.models import build


def run(context: RunContext) -> TaskResult:
    """Train, select the best validation epoch, score it on the test set."""
    config = context.config
    data = load_data(context)
    model = build(config.model, data)
    fitted = train(context, model, data, s4_rules(config.optimizer))
    return report(config, data, fitted, model)
