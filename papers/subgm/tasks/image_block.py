"""A matrix that nobody drew: a block of a photograph, measured with outliers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.sensing import Packed, gaussian
from papers.subgm.image import draw_block
from papers.subgm.losses import Squared
from papers.subgm.models import follow, spectral_start
from papers.subgm.problem import Noise, Problem
from papers.subgm.steps import Decaying


def run(context: RunContext) -> TaskResult:
    """Relative errors, last: ``error`` of the block cut to its rank, r' = d, and ``squares`` of
    least squares from the same measurements; ``whole_error`` of the block as it is, of whose length
    a matrix of the rank leaves ``tail``."""
    task = context.config.task
    rng = np.random.default_rng(context.config.seed)
    block = draw_block(task.size, task.rank, rng)
    sensing = Packed(gaussian(task.measurements, (task.size,) * 2, rng, 1.0))
    noise = Noise(task.fraction, task.outlier).draw(task.measurements, rng)

    def error(truth: Float[Tensor, "d d"], rule: Decaying, loss=None) -> float:
        given = Problem(truth, sensing, noise).to(device(context.config.trainer))
        start = spectral_start(given.y, given.sensing, task.size, task.alpha)[None]
        found = follow(start, given.y, given.sensing, rule, task.steps, given.truth, loss)
        context.stop.raise_if_set()
        return float(found.last[0] / truth.norm())

    rule = Decaying(task.eta0, task.rho)
    return TaskResult(
        {
            "error": error(block.low_rank, rule),
            "squares": error(block.low_rank, Decaying(task.squares_eta, 1.0, "none"), Squared()),
            "whole_error": error(block.gram, rule),
            "tail": float((block.gram - block.low_rank).norm() / block.gram.norm()),
        },
        data=[block.entry],
    )
