"""C4 beside: the same mechanisms on a column of a real table."""

from __future__ import annotations

import numpy as np
import torch
from omegaconf import OmegaConf

from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.private_similarity.tasks.tree_against_grid import errors


def run(context: RunContext) -> TaskResult:
    """Mean of |error| / S at places of [0, 1], by mechanism and epsilon; see
    ``tree_against_grid``."""
    task = context.config.task
    column = load(OmegaConf.to_object(task.dataset), context.data)
    x = torch.from_numpy(column.values)[:, None]
    rng = np.random.default_rng(context.config.seed)
    y = torch.from_numpy(rng.random((task.queries, 1)))
    metrics = {"points": float(len(x))}
    for epsilon in task.epsilons:
        found = errors(context, x, y, epsilon)
        metrics |= {f"{name}_e{epsilon:g}": value for name, value in found.items()}
    return TaskResult(metrics, [data_entry(column)])
