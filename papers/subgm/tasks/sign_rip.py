"""C1, C2: what the signs of corrupted measurements say of a matrix, against closed forms."""

from __future__ import annotations

import math

import numpy as np

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import line
from papers.subgm.problem import Noise, draw
from papers.subgm.sign_rip import delta, direction, phi


def run(context: RunContext) -> TaskResult:
    """By case (noiseless, outliers, gaussian) and m: ``phi_allowance_*``, the distance of
    <Q_X, X> / (||X|| phi) from 1 over 3 / sqrt(m phi^2) + 0.01; ``delta_*`` times
    sqrt(m / (d r)); ``delta_slope_*``, of ln delta over ln m."""
    task, where = context.config.task, device(context.config.trainer)
    cases = {
        "noiseless": Noise(),
        "outliers": Noise(task.fraction, task.outlier),
        "gaussian": Noise(deviation=task.deviation),
    }
    metrics: dict[str, float] = {}
    spectrum = [task.norm / math.sqrt(task.tested_rank)] * task.tested_rank
    for name, noise in cases.items():
        scale, deltas = phi(task.norm, noise), []
        for m in task.measurements:
            rng = np.random.default_rng(context.config.seed)
            problem = draw(task.size, spectrum, m, noise, rng).to(where)
            x = problem.truth
            q = direction(x, problem.sensing, problem.noise)
            seen = float((q * x).sum()) / (task.norm * scale)
            deltas.append(delta(x, q, scale, task.test_rank))
            allowed = 3 / math.sqrt(m * scale**2) + 0.01
            metrics[f"phi_allowance_{name}_m{m}"] = abs(seen - 1) / allowed
            metrics[f"delta_{name}_m{m}"] = deltas[-1] * math.sqrt(m / (task.size * task.test_rank))
            context.stop.raise_if_set()
        metrics[f"delta_slope_{name}"] = line(np.log(task.measurements), np.log(deltas)).slope
    return TaskResult(metrics)
