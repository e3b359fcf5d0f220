"""M1: trained on random prefixes, the factors of a linear map become its singular vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.maestro.linear import (
    LinearProblem,
    LinearTraining,
    component_norms,
    objective_ratio,
    prefix_error,
)

MATRIX_SEED = 123
TRUE_RANK = 3


def run(context: RunContext) -> TaskResult:
    """Distances from the truncated decompositions; the same without sampling as the control."""
    task = context.config.task
    A = target()
    # The inputs are the rows of the identity: their sum of squares is the identity.
    problem = LinearProblem(A, torch.eye(9, dtype=A.dtype), 1 / A.numel())
    training = LinearTraining(rank=6, steps=task.steps, lr=task.lr)
    U, V = training(problem, context.config.seed, stop=context.stop.raise_if_set)
    values = torch.linalg.svdvals(A)
    norms = component_norms(U, V)
    training.sampled = False
    plain = training(problem, context.config.seed, stop=context.stop.raise_if_set)
    return TaskResult(
        {
            "steps": task.steps,
            "prefix_error": prefix_error(U, V, A),
            "norm_error": float((norms[:TRUE_RANK] / values[:TRUE_RANK] - 1).abs().max()),
            "rest": float(norms[TRUE_RANK:].max() / values[0]),
            "objective_ratio": objective_ratio(U, V, A),
            "control_prefix_error": prefix_error(*plain, A),
            "control_whole_error": float(
                (plain[0] @ plain[1].mT - A).square().sum() / A.square().sum()
            ),
        }
    )


def target() -> Tensor:
    """A = C^T, 6 x 9, of rank 3: C is a product of normal 9 x 3 and 3 x 6 matrices."""
    generator = torch.Generator().manual_seed(MATRIX_SEED)
    A1 = torch.randn(9, TRUE_RANK, generator=generator, dtype=torch.float64)
    A2 = torch.randn(TRUE_RANK, 6, generator=generator, dtype=torch.float64)
    return (A1 @ A2).mT.contiguous()
