"""H7 and H8: the step sets how far back a state looks, and what it can rebuild of it.

The paper's reconstruction experiment with the training taken out: the last ``memory`` values of
band-limited noise are read off the final state by ridge regression, the optimum of what it trains.
"""

from __future__ import annotations

import statistics

import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.hippo.models import state_responses
from papers.hippo.signals import white_noise


def run(context: RunContext) -> TaskResult:
    """Mean squared errors over the grid Delta = (2/m) 2^{k/2}, and over log-uniform Delta."""
    task = context.config.task
    check(task)
    generator = torch.Generator().manual_seed(context.config.seed)
    samples = task.train_samples + task.test_samples
    signals = white_noise(samples, task.length, task.dt, task.band, generator)
    metrics = {"signal_variance": float(signals.var())}
    for measure in context.track(list(task.measures), "reconstruction"):
        metrics |= errors(measure, signals, task)
    return TaskResult(metrics)


def check(task) -> None:
    """Raises InvalidInputError if the sizes do not go together."""
    if not 0 < task.memory <= task.length or task.grid < 1 or task.draws < 1:
        raise InvalidInputError(
            f"task.memory={task.memory} must be in 1 .. task.length={task.length}; task.grid="
            f"{task.grid} and task.draws={task.draws} must be positive."
        )
    if not 0 < task.dt_min < task.dt_max:
        raise InvalidInputError(
            f"task.dt_min={task.dt_min} must be positive and below task.dt_max={task.dt_max}."
        )


def errors(measure: str, signals: Tensor, task) -> dict[str, float]:
    """The metrics of one measure."""

    def error(step: float) -> float:
        return reconstruction_error(measure, step, signals, task)

    matched = 2 / task.memory
    grid = {k: error(matched * 2 ** (k / 2)) for k in range(-task.grid, task.grid + 1)}
    wide = statistics.median(error(step) for step in log_uniform_quantiles(task))
    return {f"{measure}_mse_k{k}": e for k, e in grid.items()} | {
        f"{measure}_best_k": min(grid, key=grid.__getitem__),
        f"{measure}_cost_of_a_grid_step": min(grid[-1], grid[1]) / grid[0],
        f"{measure}_median_mse": wide,
        f"{measure}_median_over_matched": wide / grid[0],
    }


def log_uniform_quantiles(task) -> list[float]:
    """Step sizes at the centres of equal shares of a log-uniform distribution."""
    ratio = task.dt_max / task.dt_min
    return [task.dt_min * ratio ** ((i + 0.5) / task.draws) for i in range(task.draws)]


def reconstruction_error(measure: str, step: float, signals: Tensor, task) -> float:
    """Test error of the ridge read-out, trained on the first ``train_samples`` signals.

    States are scaled to unit mean square (the signals have mean 0), and ``ridge`` is added to the
    diagonal of their correlation matrix.
    """
    responses = state_responses(
        measure, task.state_size, step, signals.shape[1], task.discretisation
    )
    states = signals.flip(1) @ responses.mT
    targets = signals[:, -task.memory :]
    train = states[: task.train_samples]
    power = train.square().mean(0)
    scale = power[power > 0].rsqrt()
    states, train = states[:, power > 0] * scale, train[:, power > 0] * scale
    correlation = train.mT @ train / len(train)
    against = train.mT @ targets[: len(train)] / len(train)
    identity = torch.eye(len(correlation), dtype=correlation.dtype)
    weights = torch.linalg.solve(correlation + task.ridge * identity, against)
    residual = states[len(train) :] @ weights - targets[len(train) :]
    return float(residual.square().mean())
