"""C8, C9: every measurement is noisy."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.subgm.models import batch, follow, random_start, spectral_start
from papers.subgm.problem import Noise, draw
from papers.subgm.recover import robust_recover
from papers.subgm.steps import Decaying, default_rho, steps_to


def run(context: RunContext) -> TaskResult:
    """Best iterates' errors over nu sqrt(d r / m), ``best_k*``, and ``width_gap`` of the widest to
    the narrowest, relative; last ones, ``last_k*``, and ``last_over_best``; ``large_ratio``, last
    error of a large random start over that of the small one; ``loss_ratio``, the last loss over
    that at the truth; ``held_out_k*``, the error of the iterate that measurements kept apart
    choose, in the same unit. r' is the last of the widths where none is named."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    noise = Noise(deviation=task.deviation)
    given = draw(task.size, [1.0] * task.rank, task.measurements, noise, rng)
    given = given.to(device(context.config.trainer))
    rho = task.rho or default_rho(task.alpha)
    steps = task.steps if task.rho else steps_to(1e-7, rho)
    starts = [spectral_start(given.y, given.sensing, k, task.alpha) for k in task.widths]
    drawn = np.random.default_rng([seed, 1])
    large = random_start(task.size, task.widths[-1], task.large_alpha, drawn).to(given.truth)
    rule = Decaying(task.eta0, rho)
    found = follow(batch([*starts, large]), given.y, given.sensing, rule, steps, given.truth)
    context.stop.raise_if_set()
    unit = task.deviation * math.sqrt(task.size * task.rank / task.measurements)
    metrics: dict[str, float] = {}
    for i, k in enumerate(task.widths):
        metrics |= {f"best_k{k}": found.best[i] / unit, f"last_k{k}": found.last[i] / unit}
    wide = len(starts) - 1
    at_truth = float(given.noise.abs().mean())
    chosen = robust_recover(
        given.y,
        given.sensing,
        task.widths[-1],
        alpha=task.alpha,
        eta0=task.eta0,
        rho=rho,
        steps=steps,
        held_out=task.held_out,
        seed=seed,
    )
    return TaskResult(
        metrics
        | {
            "width_gap": abs(found.best[wide] / found.best[0] - 1),
            "last_over_best": found.last[wide] / found.best[wide],
            "large_ratio": found.last[-1] / found.last[wide],
            "loss_ratio": found.losses[-1, wide] / at_truth,
            "held_out": float((chosen.matrix - given.truth).norm()) / unit,
        }
    )
