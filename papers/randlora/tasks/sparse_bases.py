"""R11: sparse bases, their zeros, ranks and best fits."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.fits import best_fit
from papers.randlora.targets import planted


def run(context: RunContext) -> TaskResult:
    """``zeros_<s>`` at the published width; ``least_rank``: of n r columns at s = sqrt(d), over
    draws; ``error_<s>``: of the best fit to an orthogonal matrix, and ``ratio_<s>`` to that of
    normal bases. s is named ``2``, ``6``, ``sqrt`` or ``beyond``."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for s in task.sparsities:
        entries = Law("ternary", s).draw(
            (task.width, task.width), torch.Generator().manual_seed(seed)
        )
        metrics[f"zeros_{s:g}"] = float((entries == 0).double().mean())
    ranks = []
    for draw in context.track(range(task.draws), "ranks"):
        law = Law("ternary", task.width**0.5)
        entries = law.draw(
            (task.width, task.width), torch.Generator().manual_seed(1000 * seed + draw)
        )
        ranks.append(int(torch.linalg.matrix_rank(entries.double())))
    metrics["least_rank"], metrics["width"] = min(ranks), task.width
    number = number_of_bases(task.size, task.rank)
    target = planted(task.size, 0.0, torch.Generator().manual_seed(seed))
    laws = {
        "normal": Law("normal"),
        "2": Law("ternary", 2.0),
        "6": Law("ternary", 6.0),
        "sqrt": Law("ternary", task.size**0.5),
        "beyond": Law("ternary", task.beyond),
    }
    for name, law in context.track(laws.items(), "fits"):
        bases = Bases(task.size, task.size, task.rank, number, law, seed)
        metrics[f"error_{name}"] = best_fit(bases, target, task.rounds).error(target)
        metrics[f"ratio_{name}"] = metrics[f"error_{name}"] / metrics["error_normal"]
    return TaskResult(metrics)
