"""A decay that is free to change its sign (``real_transform=none``): how often does it?"""

from __future__ import annotations

import torch

from common.data.sequence import SequenceData
from common.errors import Diverged
from common.experiment.context import RunContext, TaskResult, data_entry
from common.nn.s4 import S4
from common.trainers.s4_groups import s4_rules
from common.trainers.sequence_task import load_data, report, train
from papers.s4d.models import build


def run(context: RunContext) -> TaskResult:
    """Train; count unstable modes at the end, and whether the loss became infinite on the way."""
    config = context.config
    data = load_data(context)
    model = build(config.model, data)
    try:
        fitted = train(context, model, data, s4_rules(config.optimizer))
    except Diverged as diverged:
        result = _diverged(data, diverged)
    else:
        result = report(config, data, fitted, model)
        result.metrics["diverged"] = 0
    modes = unstable_modes(model)
    result.metrics |= {
        "unstable_modes": modes,
        "unstable_events": modes + result.metrics["diverged"],
    }
    return result


def unstable_modes(model: torch.nn.Module) -> int:
    """Stored eigenvalues with positive real part, NaN among them, over all layers."""
    real = [m.eigenvalues().real for m in model.modules() if isinstance(m, S4)]
    return sum(int((~(r <= 0)).sum()) for r in real)


def _diverged(data: SequenceData, diverged: Diverged) -> TaskResult:
    return TaskResult({"diverged": 1}, [data_entry(data)], [f"{diverged}"])
