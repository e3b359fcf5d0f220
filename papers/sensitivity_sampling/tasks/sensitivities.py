"""C1: sensitivities in certified intervals; C3: between Lewis weights and leverage scores; C4: the
largest grows with p, single ones need not; C10, C19: what the bounds make of S."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling import laws, tables
from papers.sensitivity_sampling.bounds import lower_bounds, total_outside, upper_bounds
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.models import Scores


def run(context: RunContext) -> TaskResult:
    """Of each table and p: ``gap_*``, the largest relative width of an interval, ``gap`` of all;
    ``total_*``, S; ``outside_*``, how far a row lies beyond its bounds, relative, 0 or less if none
    does, ``total_outside_*``, how far S does; ``agrees_*``, 1 if S^{2/p} or S^{2-2/p} of the
    measured S is below S d exactly where S is small enough, which is arithmetic; ``saving_*``, the
    one over the other; ``sharper_*``, d^{1-p/2} S over S^{2/p}. Over p:
    ``rise_*``, the least rise of the largest sensitivity; ``decreasing_*``, pairs of a row and a
    step at which it falls; ``leap_*``, the largest of max s^q over (max s^p)^{q/p} n^{q/p-1}, p
    below q; ``leverage_*``, distance to leverage scores at p = 2."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    real = []
    for name in task.tables:
        if name in tables.REAL:
            table = tables.load(name)
            real.append(table.entry)
            matrix = table.matrix
        else:
            matrix = draw(name, task.rows, task.columns, np.random.default_rng(seed))
        found = {}
        for p in sorted(task.powers):
            scores = Scores.of(matrix, p)
            found[p] = scores.sensitivities.upper
            metrics |= {f"{key}_{name}_p{p:g}": value for key, value in measured(scores).items()}
            if p == 2:
                metrics[f"leverage_{name}"] = float((found[p] - scores.leverage).abs().max())
            context.stop.raise_if_set()
        if len(found) > 1:
            metrics |= {f"{key}_{name}": value for key, value in steps(found).items()}
    metrics["gap"] = max(value for key, value in metrics.items() if key.startswith("gap_"))
    return TaskResult(metrics, real)


def measured(scores: Scores) -> dict[str, float]:
    """At one p."""
    s, p, d = scores.sensitivities, scores.p, scores.rank
    below = lower_bounds(scores.lewis, scores.leverage, p) / s.upper
    above = s.lower / upper_bounds(scores.lewis, scores.leverage, p)
    total = s.total[1]
    pays = laws.rows_by_total(total, p) < laws.rows_generally(total, d)
    found = {
        "gap": s.gap,
        "total": total,
        "outside": float(torch.maximum(below, above).max()) - 1,
        "total_outside": total_outside(s.total, d, p),
        "agrees": float(pays == (total < laws.total_that_pays(d, p))),
        "saving": laws.rows_by_total(total, p) / laws.rows_generally(total, d),
    }
    if p < 2:
        found["sharper"] = laws.rows_below_two(total, d, p) / laws.rows_by_total(total, p)
    return found


def steps(found: dict[float, Float[Tensor, " n"]]) -> dict[str, float]:
    """From each p to the next, and to all above."""
    pairs = list(pairwise(found.values()))
    largest = {p: float(s.max()) for p, s in found.items()}
    n = len(pairs[0][0])
    leaps = [largest[q] / laws.largest_at(q, largest[p], p, n) for p, q in combinations(found, 2)]
    rise = min(float(after.max() - before.max()) for before, after in pairs)
    # What falls by less than the intervals are wide has not been seen to fall.
    falls = sum(int((after < before * (1 - 1e-7)).sum()) for before, after in pairs)
    return {"rise": rise, "decreasing": float(falls), "leap": max(leaps)}
