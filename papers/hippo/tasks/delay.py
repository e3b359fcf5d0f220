"""H9: hold a signal back for ``lag`` steps with one linear layer, trained and in closed form.

A sharp window at one age is what LegT was made for and what FouT can place; LegS smears it, and
decaying modes alone cannot do it at all. With ``frozen``, A, B and Delta stay at their start, so
that the start is what is measured; the paper trains them too. The closed form is for the stationary
part of the signal, without the constant that subtracting the first value leaves (any low-pass
learns that half of the power).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.kernels.delay import band_limited_covariance, stationary_delay_error
from papers.hippo.frozen import FrozenLayer
from papers.hippo.models import DISCRETISATIONS, single_layer, state_responses
from papers.hippo.signals import white_noise
from papers.hippo.tasks.readout import train


def run(context: RunContext) -> TaskResult:
    """RMSE over RMS of the target, for every system: trained, and in closed form by both rules."""
    task, seed = context.config.task, context.config.seed
    if not 0 < task.lag < task.length:
        raise InvalidInputError(
            f"task.lag={task.lag}; allowed: 1 to task.length - 1 = {task.length - 1}."
        )
    step = 2 / task.lag
    covariance = band_limited_covariance(task.length, 2 * task.dt * task.band)
    generator = torch.Generator().manual_seed(seed)
    signals = white_noise(
        task.train_samples + task.test_samples, task.length, task.dt, task.band, generator
    )
    signals = signals.float().to(device(context.config.trainer))
    metrics: dict[str, float] = {}
    for name in task.systems:
        responses = {
            rule: state_responses(name, task.state_size, step, task.length, rule)
            for rule in DISCRETISATIONS
        }
        for rule, response in responses.items():
            error = stationary_delay_error(response, task.lag, covariance, task.ridge)
            suffix = "" if rule == "zoh" else f"_{rule}"
            metrics[f"{name}_closed_form{suffix}"] = error
        torch.manual_seed(seed)  # the same start and order for every system
        metrics[f"{name}_trained"] = trained_error(
            name, responses[task.discretisation], signals, context
        )
    return TaskResult(metrics)


def trained_error(name: str, responses: Tensor, signals: Tensor, context: RunContext) -> float:
    """RMSE / RMS on the test signals after training on the others."""
    task = context.config.task
    model = OneLayer(name, responses, task).to(signals.device)
    inputs, targets = signals, delayed(signals, task.lag)

    def loss(batch: Tensor) -> Tensor:
        return F.mse_loss(model(inputs[batch]), targets[batch])

    train(model.parameters(), loss, task.train_samples, task, context.track, f"delay, {name}")
    test, wanted = inputs[task.train_samples :], targets[task.train_samples :]
    with torch.no_grad():
        outputs = torch.cat([model(part) for part in test.split(64)])
    return float(((outputs - wanted).square().mean() / wanted.square().mean()).sqrt())


class OneLayer(nn.Module):
    """(batch, length) to the same: lift to H channels, the state spaces, and mix."""

    def __init__(self, name: str, responses: Tensor, task):
        super().__init__()
        self.frozen = bool(task.frozen)
        if self.frozen:
            self.layer = FrozenLayer(responses[None], task.d_model)
        else:
            self.encoder = nn.Linear(1, task.d_model)
            self.layer = single_layer(name, task.state_size, task.d_model, 2 / task.lag)
        self.decoder = nn.Linear(task.d_model, 1)

    def forward(self, u: Tensor) -> Tensor:
        y = self.layer(u) if self.frozen else self.layer(self.encoder(u[..., None]))[0]
        return self.decoder(y)[..., 0]


def delayed(signals: Tensor, lag: int) -> Tensor:
    """The signals ``lag`` steps later, 0 before."""
    return F.pad(signals, (lag, 0))[:, : signals.shape[1]]
