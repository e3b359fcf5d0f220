"""M2: for a linear autoencoder ordered decomposition is principal component analysis."""

from __future__ import annotations

import torch
from torch import Tensor

from common.data.catalogue import load
from common.data.specs import DigitsSpec
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.maestro.linear import LinearProblem, LinearTraining, component_norms, largest_angle

SHOWN = 5
NORM = 64.0  # mean squared norm of a digit
SMALL, DIM = 3, 10


def run(context: RunContext) -> TaskResult:
    """Angles between spans, errors over those of the principal components, and which components
    the group lasso leaves."""
    task = context.config.task
    # All 1,797 images: the splits only divide them.
    data = load(DigitsSpec(), context.data)
    images = torch.cat([part.inputs for part in (data.train, data.val, data.test)])
    metrics = digits(images.flatten(1).double(), context)
    metrics |= small_set(context)
    metrics["steps"] = task.steps
    return TaskResult(metrics, [data_entry(data)])


def digits(rows: Tensor, context: RunContext) -> dict[str, float]:
    """64 pixels, 8 components, one sampled width a step."""
    task = context.config.task
    rows = rows - rows.mean(0)
    rows = rows * (NORM / rows.square().sum(1).mean()).sqrt()
    covariance = rows.mT @ rows / len(rows)
    identity = torch.eye(len(covariance), dtype=rows.dtype)
    problem = LinearProblem(identity, covariance, 1 / len(covariance))
    training = LinearTraining(8, task.steps, task.lr, momentum=0.9, init=0.1)
    U, V = training(problem, context.config.seed, stop=context.stop.raise_if_set)
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0), vectors.flip(1)
    metrics = {}
    for b in range(1, SHOWN + 1):
        metrics[f"angle_{b}"] = largest_angle(U[:, :b], vectors[:, :b])
        metrics[f"angle_of_v_{b}"] = largest_angle(V[:, :b], vectors[:, :b])
        error = float(problem.loss(U[:, :b], V[:, :b])) / problem.scale
        metrics[f"error_ratio_{b}"] = error / float(values[b:].sum())
    metrics["angle"] = max(metrics[f"angle_{b}"] for b in range(1, SHOWN + 1))
    metrics["error_ratio"] = max(metrics[f"error_ratio_{b}"] for b in range(1, SHOWN + 1))
    return metrics


def small_set(context: RunContext) -> dict[str, float]:
    """Three points in ten dimensions: with the lasso components 4 to 10 vanish, without they stay;
    when a point is taken away in the middle, so does its component."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    points = torch.randn(SMALL, DIM, generator=generator, dtype=torch.float64)

    def problem(rows: Tensor) -> LinearProblem:
        identity = torch.eye(DIM, dtype=rows.dtype)
        return LinearProblem(identity, rows.mT @ rows / len(rows), 1 / DIM)

    def importances(training: LinearTraining, at=None) -> Tensor:
        U, V = training(problem(points), context.config.seed, at, context.stop.raise_if_set)
        return component_norms(U, V)

    shared = {"rank": DIM, "steps": task.small_steps, "lr": 0.1, "full_pass": True}
    with_lasso = importances(LinearTraining(lasso=1e-2, **shared))
    without = importances(LinearTraining(**shared))
    fewer = importances(LinearTraining(lasso=1e-2, **shared), {task.drop_at: problem(points[:-1])})
    return {
        "lasso_rest": float(with_lasso[SMALL:].max() / with_lasso.max()),
        "lasso_third": float(with_lasso[SMALL - 1] / with_lasso.max()),
        "no_lasso_rest": float(without[SMALL:].max() / without.max()),
        "dropped_rest": float(fewer[SMALL - 1 :].max() / fewer.max()),
    }
