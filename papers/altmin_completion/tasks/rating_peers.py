"""Beside C15: ratings completed by the method and by its peers, on one split and one clock."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from omegaconf import OmegaConf
from torch import Tensor

from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.altmin_completion.biases import Biases
from papers.altmin_completion.held_out import root_mean_square
from papers.altmin_completion.models import rounds, spectral_start
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.peers import projected_gradient, soft_impute
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Solver
from papers.altmin_completion.tasks.ratings import observed_ratings

Iterates = Iterator[Float[Tensor, "users films"]]


def run(context: RunContext) -> TaskResult:
    """Of residuals of biases; a part of the training ratings, drawn from the seed, says when each
    way is stopped. ``rmse_*`` on the test ratings then, clipped to 1 to 5, ``seconds_*`` spent
    until then and ``rounds_*``; errors by round and their times as curves. ``rmse_biases``."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    given, test = (observed_ratings(split).to(where) for split in (data.train, data.test))
    inner, stop = _apart(given, task.parts, np.random.default_rng(seed))
    biases = Biases.fit(inner, task.bias_ridge, task.sweeps)
    rest = inner.values - biases.at(inner.rows, inner.columns)
    observed = Observed(inner.shape, inner.rows, inner.columns, rest)
    _ = observed.blocks, observed.transposed.blocks, observed.filled, observed.mask
    spectral_start(observed, task.rank)  # its modules are imported by the first call
    metrics = {"rmse_biases": _error(0.0, biases, test)}
    curves: dict[str, list[float]] = {}
    for name, iterates in {
        "exact": _rounds(observed, task, Exact(ridge=task.ridge)),
        "cg2": _rounds(observed, task, ConjugateGradient(2, ridge=task.ridge)),
        "projected_gradient": projected_gradient(observed, task.rank, task.steps, step=1.0),
        "soft_impute": soft_impute(observed, task.steps),
    }.items():
        spent, begun = 0.0, time.perf_counter()
        seconds, errors = [], []
        for x in iterates:
            spent += time.perf_counter() - begun
            seconds.append(spent)
            errors.append([_error(x, biases, part) for part in (stop, test)])
            context.stop.raise_if_set()
            begun = time.perf_counter()
        best = int(np.argmin([early for early, _ in errors]))
        metrics |= {
            f"rmse_{name}": errors[best][1],
            f"seconds_{name}": seconds[best],
            f"rounds_{name}": best + 1.0,
        }
        curves |= {f"rmse_{name}": [late for _, late in errors], f"seconds_{name}": seconds}
    return TaskResult(metrics, [data_entry(data)], curves=curves)


def _rounds(observed: Observed, task, solver: Solver) -> Iterates:
    """The method's matrices, its start included in the first one's time."""
    start = spectral_start(observed, task.rank, math.inf)
    for now in rounds(observed, start, task.rounds, solver):
        yield now.left @ now.right.mT


def _apart(given: Observed, parts: int, rng: np.random.Generator) -> tuple[Observed, Observed]:
    """All parts but one, and that one."""
    stop, *others = (part.to(given.values.device) for part in given.split(parts, rng))
    mask = sum(part.mask for part in others) > 0
    return Observed.of_mask(given.filled, mask), stop


def _error(x: Tensor | float, biases: Biases, part: Observed) -> float:
    found = x[part.rows, part.columns] if isinstance(x, Tensor) else x
    predicted = found + biases.at(part.rows, part.columns)
    return root_mean_square(predicted.clamp(1, 5) - part.values)
