"""C16, and the comparison of all scores: at equal expected rows."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.models import KINDS, Scores, drawn
from papers.sensitivity_sampling.recursive import flattened, halved


def run(context: RunContext) -> TaskResult:
    """``<scores>_<family>``: median distortions; also of ``flattened``, sensitivities after
    flattening, and of ``recursive``, halving in rounds to at least as many rows, with
    ``recursive_rows_<family>``."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for family in task.families:
        found = of_family(family, task, np.random.default_rng(context.config.seed))
        metrics |= {f"{key}_{family}": value for key, value in found.items()}
        context.stop.raise_if_set()
    return TaskResult(metrics)


def of_family(family: str, task: DictConfig, rng: np.random.Generator) -> dict[str, float]:
    """One matrix, and samples of it in every way."""
    p, m = task.p, task.expected
    matrix = draw(family, task.rows, task.columns, rng)
    scores, original = Scores.of(matrix, p), Original.of(matrix, p)
    s = scores.by("sensitivity")
    samples = {kind: [drawn(scores.by(kind), m, rng) for _ in range(task.coins)] for kind in KINDS}
    samples["flattened"] = [
        flattened(matrix, p, m, rng, scores=s, leverage=False) for _ in range(task.coins)
    ]
    samples["recursive"] = [halved(matrix, p, int(m), rng) for _ in range(task.coins)]
    found = {
        way: float(np.median([original.distortion(one.spread(len(matrix))).value for one in each]))
        for way, each in samples.items()
    }
    rows = float(np.median([len(one.index) for one in samples["recursive"]]))
    return {**found, "recursive_rows": rows}
