"""Beside C13: the temperature of the sea's surface, where land and ice leave the gaps."""

from __future__ import annotations

import numpy as np
import torch
from omegaconf import OmegaConf

from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.altmin_completion.held_out import predictions, root_mean_square
from papers.altmin_completion.observed import Observed


def run(context: RunContext) -> TaskResult:
    """A matrix of months and latitudes by longitudes. Root mean squared errors in degrees Celsius
    on cells that were kept back, by the names of ``predictions``; ``share``, of the cells that are
    known, and ``spread``, the standard deviation of the test's."""
    task = context.config.task
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    grid = torch.from_numpy(data.values.reshape(-1, data.values.shape[-1]).astype(float))
    known = grid.isfinite()
    drawn = np.random.default_rng(context.config.seed).random(tuple(grid.shape))
    kept = known & torch.from_numpy(drawn < task.kept)
    train, test = (Observed.of_mask(grid, mask).to(where) for mask in (known & ~kept, kept))
    metrics = {"share": float(known.double().mean()), "spread": float(test.values.std())}
    for name, predicted in predictions(
        train,
        test,
        rank=task.rank,
        rounds=task.rounds,
        ridge=task.ridge,
        bias_ridge=task.bias_ridge,
        sweeps=task.sweeps,
    ):
        metrics[name] = root_mean_square(predicted - test.values)
        context.stop.raise_if_set()
    return TaskResult(metrics, [data_entry(data)])
