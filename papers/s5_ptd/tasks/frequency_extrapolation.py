"""E4: read the frequency and the amplitude off a sinusoid, also beyond the frequencies trained on.

u(t) = A cos(w t + phase), w ~ U[0, 80] in training and U[0, 100] in the test, A ~ U[0.5, 1]. The
paper does not give its model; here Lambda, B and the step stay fixed as in E2, so that the transfer
function under test is the initial one, and n = 16 puts the last spike of (A_perp, B_H/2), 80.96,
just outside the training range.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.prepared import content_sha256
from common.data.sequence import SequenceData, SequenceSplit
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.trainers.fit import load_best
from papers.s5_ptd.models import build, initial_basis
from papers.s5_ptd.tasks.classify import cache, perturbation, train

SMALLEST_AMPLITUDE = 0.5


def run(context: RunContext) -> TaskResult:
    """Errors of amplitude and frequency inside and outside the range trained on."""
    config, task = context.config, context.config.task
    if not 0 < task.train_frequency < task.test_frequency or task.length < 2 or task.duration <= 0:
        raise InvalidInputError(
            f"task.train_frequency={task.train_frequency} must be positive and below "
            f"task.test_frequency={task.test_frequency}; length >= 2, duration > 0."
        )
    data = sinusoids(task, config.seed)
    basis, solution = initial_basis(config.model, cache=cache(context), track=context.track)
    model = build(config.model, data, basis)
    fitted = train(context, model, data, loss=F.mse_loss, score=negative_error)
    predicted = predict(load_best(model, context.folder), data.test.inputs)
    metrics = errors(predicted, data.test.targets, task)
    metrics |= {"parameters": sum(p.numel() for p in model.parameters()), "steps": fitted.steps}
    metrics |= perturbation(solution)
    notes = ["the paper gives neither its model nor its size: n = 16, Lambda, B and step fixed"]
    return TaskResult(metrics, [data_entry(data)], notes)


def negative_error(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Minus the mean absolute error of each example: the epoch with the highest is kept."""
    return -(outputs - wanted).abs().mean(-1)


def sinusoids(task, seed: int) -> SequenceData:
    """Training signals, a tenth of them held out for validation, and test signals."""
    inputs, targets = signals(task, task.train_samples, task.train_frequency, 2 * seed)
    held = max(1, len(inputs) // 10)
    test = signals(task, task.test_samples, task.test_frequency, 2 * seed + 1)
    arrays = {"train": inputs, "train_targets": targets, "test": test[0], "test_targets": test[1]}
    return SequenceData(
        name="sinusoids",
        train=SequenceSplit(inputs[held:], targets[held:]),
        val=SequenceSplit(inputs[:held], targets[:held]),
        test=SequenceSplit(*test),
        n_classes=2,
        vocab_size=None,
        channels=1,
        is_paper_data=False,
        source="generated from the run's seed",
        content_sha256=content_sha256({k: v.numpy() for k, v in arrays.items()}),
    )


def signals(task, samples: int, highest: float, seed: int) -> tuple[Tensor, Tensor]:
    """Sinusoids (samples, length, 1) and targets (samples, 2): w / train_frequency, A."""
    rng = np.random.default_rng(seed)
    w = rng.uniform(0, highest, samples)
    amplitude = rng.uniform(SMALLEST_AMPLITUDE, 1, samples)
    phase = rng.uniform(0, 2 * np.pi, samples)
    t = np.arange(task.length) * (task.duration / task.length)
    u = amplitude[:, None] * np.cos(w[:, None] * t + phase[:, None])
    targets = np.stack([w / task.train_frequency, amplitude], axis=1)
    return torch.from_numpy(u[..., None]).float(), torch.from_numpy(targets).float()


@torch.no_grad()
def predict(model: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs in evaluation mode, a hundred sequences at a time."""
    model.eval()
    return torch.cat([model(part) for part in inputs.split(100)])


def errors(predicted: Tensor, targets: Tensor, task) -> dict[str, float]:
    """Mean absolute errors inside (w <= train_frequency) and outside; the least amplitude read."""
    inside = targets[:, 0] <= 1
    error = (predicted - targets).abs()
    metrics = {}
    for name, rows in (("inside", inside), ("outside", ~inside)):
        metrics[f"frequency_error_{name}"] = float(error[rows, 0].mean()) * task.train_frequency
        metrics[f"amplitude_error_{name}"] = float(error[rows, 1].mean())
        metrics[f"least_amplitude_{name}"] = float(predicted[rows, 1].min())
    return metrics
