"""C1, C2: exact half rounds shrink the distance geometrically; C7: iterates stay incoherent; C14: a
random start; C12: clipping."""

from __future__ import annotations

import math

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.rates import first_below
from common.sketching.leverage import incoherence
from papers.altmin_completion.models import (
    alternate,
    distance,
    largest_incoherence,
    random_start,
    spectral_start,
)
from papers.altmin_completion.problems import Problem, draw
from papers.altmin_completion.solvers import ConjugateGradient, Exact


def run(context: RunContext) -> TaskResult:
    """``error_p*`` after the rounds; ``ratio_p*``, the geometric mean of successive distances over
    some half steps; ``mu_ratio_*``, the largest incoherence from the second round on over the
    truth's; ``random_extra``, more rounds from a random start to ``bound``, and
    ``random_final_ratio`` of the last errors, ``random_error`` and ``spectral_error``;
    ``clip_change``, relative, of the error; ``short_p*``, rows and columns with fewer entries than
    the rank, ``empty_p*``, without any.

    Raises:
        InvalidInputError: half steps that the rounds do not have, or ``share`` not among
            ``shares``.
    """
    task, seed = context.config.task, context.config.seed
    first, last = task.half_steps
    if not first <= last < 2 * task.rounds:
        raise InvalidInputError(
            f"half_steps={[first, last]}; {task.rounds} rounds allow a first and a last of 0 to "
            f"{2 * task.rounds - 1}."
        )
    if task.share not in task.shares:
        raise InvalidInputError(
            f"share={task.share:g}; allowed: one of shares={list(task.shares)}, at which more is "
            f"asked."
        )
    where = device(context.config.trainer)
    metrics: dict[str, float] = {}
    for share in task.shares:
        problem = draw(task.size, task.rank, share, np.random.default_rng(seed)).to(where)
        start = spectral_start(problem.observed, task.rank, math.inf)
        found = alternate(problem.observed, start, task.rounds, Exact(), truth=problem.truth)
        far = [
            distance(half.basis, problem.left if half.side == "left" else problem.right)
            for half in found.half_steps
        ]
        metrics |= {
            f"short_p{share:g}": float(found.short),
            f"empty_p{share:g}": float(found.empty),
        }
        metrics[f"error_p{share:g}"] = found.errors[-1]
        metrics[f"ratio_p{share:g}"] = (far[last + 1] / far[first]) ** (1 / (last + 1 - first))
        context.stop.raise_if_set()
        if share == task.share:
            metrics |= at_one_share(task, seed, problem, found)
            context.stop.raise_if_set()
    return TaskResult(metrics)


def at_one_share(task, seed: int, problem: Problem, exact) -> dict[str, float]:
    """What is asked at one p alone."""
    observed, truth = problem.observed, problem.truth
    mu = incoherence(problem.left)
    few = alternate(
        observed, exact.half_steps[0].basis, task.rounds, ConjugateGradient(2), truth=truth
    )
    metrics = {
        f"mu_ratio_{name}": largest_incoherence(run) / mu
        for name, run in (("exact", exact), ("cg2", few))
    }
    runs = {
        "spectral": exact.half_steps[0].basis,
        "random": random_start(observed, task.rank, seed),
    }
    errors = {
        name: alternate(observed, start, task.long_rounds, Exact(), truth=truth).errors
        for name, start in runs.items()
    }
    reached = {name: first_below(e, task.bound) for name, e in errors.items()}
    clipped = spectral_start(observed, task.rank, mu)
    again = alternate(observed, clipped, task.rounds, Exact(), truth=truth)
    return metrics | {
        "random_extra": reached["random"] - reached["spectral"],
        "random_error": errors["random"][-1],
        "spectral_error": errors["spectral"][-1],
        "random_final_ratio": errors["random"][-1] / errors["spectral"][-1],
        "clip_change": abs(again.errors[-1] / exact.errors[-1] - 1),
    }
