"""E1: the last ``memory`` values of a signal from the last output of one linear layer, trained.

The paper's table: how the spread of Delta over the H copies and the measure decide what is kept.
``timescale`` is its closed form.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.nn.initialisers import log_uniform
from papers.hippo.frozen import FrozenLayer
from papers.hippo.models import state_responses
from papers.hippo.signals import white_noise
from papers.hippo.tasks.readout import train


def run(context: RunContext) -> TaskResult:
    """Natural logarithm of the test MSE for every measure and range of Delta."""
    task, seed = context.config.task, context.config.seed
    if not 0 < task.memory <= task.length:
        raise InvalidInputError(
            f"task.memory={task.memory}; allowed: 1 to task.length={task.length}."
        )
    for name, bounds in task.ranges.items():
        if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1]:
            raise InvalidInputError(
                f"task.ranges.{name}={list(bounds)}; needed are two, 0 < dt_min <= dt_max."
            )
    generator = torch.Generator().manual_seed(seed)
    signals = white_noise(
        task.train_samples + task.test_samples, task.length, task.dt, task.band, generator
    )
    signals = signals.float().to(device(context.config.trainer))
    metrics = {}
    for measure in task.measures:
        for name, (low, high) in task.ranges.items():
            torch.manual_seed(seed)
            mse = trained_mse(measure, low, high, signals, context)
            metrics[f"{measure}_log_mse_{name}"] = math.log(mse)
    return TaskResult(metrics)


def trained_mse(
    measure: str, low: float, high: float, signals: Tensor, context: RunContext
) -> float:
    """Test error for H copies with Delta log-uniform in [low, high]."""
    task = context.config.task
    # One system suffices where all copies share a step.
    steps = [low] if low == high else log_uniform((task.d_model,), low, high).exp().tolist()
    responses = torch.stack(
        [
            state_responses(measure, task.state_size, s, task.length, task.discretisation).float()
            for s in steps
        ]
    )
    layer = FrozenLayer(responses, task.d_model).to(signals.device)
    decoder = nn.Linear(task.d_model, task.memory).to(signals.device)
    targets = signals[:, -task.memory :]

    def loss(batch: Tensor) -> Tensor:
        return F.mse_loss(decoder(layer.last(signals[batch])), targets[batch])

    parameters = [*layer.parameters(), *decoder.parameters()]
    description = f"reconstruct, {measure}, dt {low:g} to {high:g}"
    train(parameters, loss, task.train_samples, task, context.track, description)
    with torch.no_grad():
        outputs = decoder(layer.last(signals[task.train_samples :]))
    return float(F.mse_loss(outputs, targets[task.train_samples :]))
