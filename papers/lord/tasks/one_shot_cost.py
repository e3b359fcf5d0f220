"""L5: how long the whole of it takes, and how it divides."""

from __future__ import annotations

import time
from itertools import pairwise

from common.compression import capture
from common.compression.language_models import trained_lm
from common.compression.ranks import by_fraction
from common.experiment.context import RunContext, TaskResult
from papers.lord.models import AFM, linear_layers, low_rank, of_moments


def run(context: RunContext) -> TaskResult:
    """Wall seconds of the statistics of all layers, the eigendecompositions and the replacement;
    beside them those of the passes alone, without statistics, and the products' rate."""
    task, start = context.config.task, trained_lm(context)
    model = start.model
    targets = linear_layers(model)
    batches = start.calibration(task.calibration_tokens, context.config.seed)
    ranks = {
        name: by_fraction(task.fraction, min(layer.weight.shape)) for name, layer in targets.items()
    }
    marks = [time.perf_counter()]

    def mark() -> None:
        context.stop.raise_if_set()
        marks.append(time.perf_counter())

    found = capture.output_moments(model, targets, batches)
    mark()
    parts = of_moments(targets, found, AFM)
    for part in parts.values():
        _ = part.basis
    mark()
    small = low_rank(model, parts, ranks)
    mark()
    capture.run(model, batches)
    mark()
    statistics, eigen, replacement, forward = (b - a for a, b in pairwise(marks))
    tokens = sum(batch.numel() for batch in batches)
    flops = sum(cost_of_statistics(tokens, layer.weight.shape[0]) for layer in targets.values())
    judged = start.perplexity(small, task.judged_tokens)
    return TaskResult(
        {
            "seconds": statistics + eigen + replacement,
            "statistics_seconds": statistics,
            "eigen_seconds": eigen,
            "replacement_seconds": replacement,
            "forward_seconds": forward,
            "statistics_flops": float(flops),
            "statistics_rate": flops / max(statistics - forward, 1e-9),
            "tokens": float(tokens),
            "perplexity_after": judged,
        }
        | start.gate,
        start.entries,
        start.notes,
    )


def cost_of_statistics(tokens: int, outputs: int) -> int:
    """Floating-point operations of the second moments of one layer: N d_out^2 multiply-adds."""
    return 2 * tokens * outputs**2
