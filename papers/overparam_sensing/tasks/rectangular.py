"""C13: rows and columns of different numbers, and the scales of the two factors exchanged."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.rates import geometric
from common.recovery.sensing import Population
from papers.overparam_sensing.laws import imbalanced_rate, ratio
from papers.overparam_sensing.models import Asymmetric, Start, descend


def run(context: RunContext) -> TaskResult:
    """``last``: squared error; ``gap``: relative, of the fitted slope to R3's. ``left_outside`` and
    ``right_outside``: norms of what F and G keep outside the truth's rows and columns, and
    ``exchanged_*`` the same with the scales exchanged."""
    task, seed = context.config.task, context.config.seed
    where, rank = device(context.config.trainer), len(task.spectrum)
    truth = diagonal(task.spectrum, task.rows, task.columns).to(where)
    population = Population((task.rows, task.columns))
    f, g = Start(task.rows, task.columns, task.width).draw([seed], [task.alpha])

    def descended(f: Tensor, g: Tensor) -> tuple[Asymmetric, np.ndarray]:
        factors = Asymmetric(f.clone().to(where), g.clone().to(where))
        return factors, descend(factors, truth, population, task.eta, task.steps)[:, 0]

    factors, errors = descended(f, g)
    context.stop.raise_if_set()
    slope = geometric(errors, 1e-10, 1e-22).slope
    law = np.log(float(ratio(imbalanced_rate(factors, rank), task.eta)))
    scale = Start(task.rows, task.columns, task.width).ratio
    exchanged, other = descended(scale * f, g / scale)
    return TaskResult(
        {
            "last": errors[-1],
            "gap": abs(slope / law - 1),
            "left_outside": float(factors.f[:, rank:].norm()),
            "right_outside": float(factors.g[:, rank:].norm()),
            "exchanged_last": other[-1],
            "exchanged_left_outside": float(exchanged.f[:, rank:].norm()),
            "exchanged_right_outside": float(exchanged.g[:, rank:].norm()),
        }
    )
