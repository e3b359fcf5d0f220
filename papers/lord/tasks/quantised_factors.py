"""L7: rounding the factors costs no more than rounding the full model does."""

from __future__ import annotations

from torch import nn

from common.compression.language_models import trained_lm
from common.experiment.context import RunContext, TaskResult
from papers.lord import accounting
from papers.lord.accounting import MLP
from papers.lord.cutting import cut
from papers.lord.quantised import quantised


def run(context: RunContext) -> TaskResult:
    """Increases of the perplexity in per cent: of the full model by rounding, and of the model in
    factors by rounding them, each over its own before; ``excess`` is the difference."""
    task, start = context.config.task, trained_lm(context)
    model, config = start.model, start.model.config
    small, ranks = cut(start, task.cut, task.grid, task.calibration_tokens, context.config.seed)
    roundings = {
        "int8": {"bits": 8},
        "int4_groups_outliers": {"bits": 4, "group": task.group, "outliers": task.outliers},
        "int4_groups": {"bits": 4, "group": task.group},
        "int4": {"bits": 4},
    }

    def judge(changed: nn.Module) -> float:
        context.stop.raise_if_set()
        return start.perplexity(changed, task.judged_tokens)

    intact, factors = judge(model), judge(small)
    metrics = {
        "intact": intact,
        "factors": 100 * (factors / intact - 1),
        "rank": float(ranks[MLP[0]]),
        "cut": 100 * (1 - accounting.parameters(config, ranks) / accounting.parameters(config)),
    }
    for name, settings in roundings.items():
        full, of_factors = quantised(model, **settings), quantised(small, **settings)
        metrics[f"full_{name}"] = 100 * (judge(full.model) / intact - 1)
        metrics[f"factors_{name}"] = 100 * (judge(of_factors.model) / factors - 1)
        metrics[f"excess_{name}"] = metrics[f"factors_{name}"] - metrics[f"full_{name}"]
        metrics[f"full_{name}_bits"] = float(full.bits)
        metrics[f"factors_{name}_bits"] = float(of_factors.bits)
    return TaskResult(metrics | start.gate, start.entries, start.notes)
