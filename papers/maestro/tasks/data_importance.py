"""M3: the data decide which component is learnt first, not the weights."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.maestro.linear import LinearProblem, LinearTraining, component_norms
from papers.maestro.tasks.linear_map import TRUE_RANK, target


def run(context: RunContext) -> TaskResult:
    """Inputs that reverse the order of the singular values: along the i-th left singular vector of
    C they have length i / sigma_i, elsewhere 1."""
    task = context.config.task
    A = target()
    left, values, right = torch.linalg.svd(A.mT)  # of C
    lengths = torch.ones(9, dtype=A.dtype)
    lengths[:TRUE_RANK] = torch.arange(1, TRUE_RANK + 1, dtype=A.dtype) / values[:TRUE_RANK]
    covariance = (left * lengths.square()) @ left.mT
    problem = LinearProblem(A, covariance, 1 / A.numel())
    training = LinearTraining(rank=6, steps=task.steps, lr=task.lr)
    U, V = training(problem, context.config.seed, stop=context.stop.raise_if_set)
    reversed_values = values[:TRUE_RANK].flip(0)
    norms = component_norms(U, V)
    metrics = {f"ratio_{b + 1}": float(norms[b] / reversed_values[b]) for b in range(TRUE_RANK)}
    # And it is these components, not only their sizes: A = right^T diag left^T.
    for b in range(TRUE_RANK):
        i = TRUE_RANK - 1 - b
        found = torch.outer(U[:, b], V[:, b])
        wanted = values[i] * torch.outer(right[i], left[:, i])
        distance = torch.linalg.vector_norm(found - wanted) / values[i]
        metrics[f"component_error_{b + 1}"] = float(distance)
    metrics["norm_error"] = max(abs(metrics[f"ratio_{b + 1}"] - 1) for b in range(TRUE_RANK))
    return TaskResult(metrics)
