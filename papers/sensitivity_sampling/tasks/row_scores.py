"""C16, and the comparison of all scores: at equal expected rows."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from common.experiment.context import RunContext, TaskResult
from common.sketching.rows import drawn
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import draw
from papers.sensitivity_sampling.models import KINDS, Scores
from papers.sensitivity_sampling.recursive import flattened, halved, root_leverage_halved
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """``<scores>_<family>``: median distortions; also of ``flattened``, sensitivities after
    flattening, of ``recursive``, halving in rounds, and of ``root_leverage_recursive``, in rounds
    too; with ``recursive_rows_<family>`` and ``root_leverage_rows_<family>``, median rows, and
    ``recursive_total_<family>``, the median S of the halved rows over S. ``uniform_many_<family>``
    and ``uniform_share_<family>``: of more uniform samples, the median and the share of 1 or
    more."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for family in task.families:
        found = of_family(family, task, context.config.seed)
        metrics |= {f"{key}_{family}": value for key, value in found.items()}
        context.stop.raise_if_set()
    return TaskResult(metrics)


def of_family(family: str, task: DictConfig, seed: int) -> dict[str, float]:
    """One matrix, and samples of it in every way."""
    p, m, rng = task.p, task.expected, np.random.default_rng(seed)
    matrix = draw(family, task.rows, task.columns, rng)
    scores, original = Scores.of(matrix, p), Original.of(matrix, p)
    s = scores.by("sensitivity")
    samples = {kind: [drawn(scores.by(kind), m, rng) for _ in range(task.coins)] for kind in KINDS}
    samples["flattened"] = [
        flattened(matrix, p, m, rng, scores=s, leverage=False) for _ in range(task.coins)
    ]
    samples["recursive"] = [halved(matrix, p, m, rng) for _ in range(task.coins)]
    samples["root_leverage_recursive"] = [
        root_leverage_halved(matrix, p, m, rng) for _ in range(task.coins)
    ]
    more = np.random.default_rng([seed, 1])  # of their own, so that the others stay as they are
    uniform = scores.by("uniform")
    samples["uniform_many"] = [drawn(uniform, m, more) for _ in range(task.uniform_coins)]
    distortions = {
        way: [original.distortion(one.spread(len(matrix))).value for one in each]
        for way, each in samples.items()
    }
    totals = [
        sensitivities(one.rows(matrix, p), p).total[1] / float(s.sum())
        for one in samples["recursive"]
    ]
    return {way: float(np.median(each)) for way, each in distortions.items()} | {
        "recursive_rows": float(np.median([len(one.index) for one in samples["recursive"]])),
        "root_leverage_rows": float(
            np.median([len(one.index) for one in samples["root_leverage_recursive"]])
        ),
        "recursive_total": float(np.median(totals)),
        "uniform_share": float(np.mean(np.array(distortions["uniform_many"]) >= 1)),
    }
