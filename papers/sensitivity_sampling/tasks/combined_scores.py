"""C14: leverage scores with sensitivities, without and with flattening."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import drawn
from papers.sensitivity_sampling import laws
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.recursive import flattened

_ROUNDING = 1e-12


def run(context: RunContext) -> TaskResult:
    """Median distortions by family: ``sensitivity_*``; ``augmented_*``, of s / S + tau / d;
    ``flattened_*``, of 1/n' + tau / d + s / S after flattening; ``flattened_sensitivity_*``, of s
    alone after it. ``augmented_over_*`` and ``flattened_over_*``: over ``factor`` times
    sensitivities alone plus ``slack``. ``combined_bound_*``: d^{2/p} S^{2-4/p} over
    S^{2-2/p}, 1 where it is that up to rounding."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for family in task.families:
        found = of_family(family, task, context.config.seed)
        metrics |= {f"{key}_{family}": value for key, value in found.items()}
        context.stop.raise_if_set()
    return TaskResult(metrics)


def of_family(family: str, task: DictConfig, seed: int) -> dict[str, float]:
    """One matrix, and samples of it in four ways, by the same coins: what differs is the scores."""
    p, m = task.p, task.expected
    matrix = draw(family, task.rows, task.columns, np.random.default_rng(seed))
    scores, original = Scores.of(matrix, p), Original.of(matrix, p)
    s, both = scores.by("sensitivity"), scores.by("augmented")
    ways = {
        "sensitivity": lambda rng: drawn(s, m, rng),
        "augmented": lambda rng: drawn(both, m, rng),
        "flattened": lambda rng: flattened(matrix, p, m, rng, scores=s, factor=task.split),
        "flattened_sensitivity": lambda rng: flattened(
            matrix, p, m, rng, scores=s, leverage=False, factor=task.split
        ),
    }
    found = {}
    for way, one in ways.items():
        coins = [np.random.default_rng([seed, coin]) for coin in range(task.coins)]
        samples = [one(rng).spread(len(matrix)) for rng in coins]
        found[way] = float(np.median([original.distortion(b).value for b in samples]))
    bound = task.factor * found["sensitivity"] + task.slack
    found |= {f"{way}_over": found[way] / bound for way in ("augmented", "flattened")}
    total = float(s.sum())
    rows = laws.rows_combined(total, scores.rank, p) / laws.rows_by_total(total, p)
    # S = d of stacked identities makes both bounds the same, up to rounding of S.
    return {**found, "combined_bound": 1.0 if abs(rows - 1) < _ROUNDING else rows}
