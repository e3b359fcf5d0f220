"""E4: read the frequency and the amplitude off a sinusoid, also beyond the frequencies trained on.

u(t) = A cos(w t + phase), w ~ U[0, 80] in training and U[0, 100] in the test, A ~ U[0.5, 1]. The
paper does not give its model; here Lambda, B and the step stay fixed as in E2, so that the transfer
function under test is the initial one, and n = 16 puts the last spike of (A_perp, B_H/2), 80.96,
just outside the training range.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.data.loader import SequenceLoader
from common.data.sequence import SequenceData, SequenceSplit
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.trainers.fit import fit
from common.trainers.groups import parameter_groups
from common.trainers.module import SupervisedModule
from common.trainers.schedules import schedule
from papers.s5_ptd.models import build, initial_basis
from papers.s5_ptd.optimizer import rules
from papers.s5_ptd.tasks.classify import cache

SMALLEST_AMPLITUDE = 0.5


def run(context: RunContext) -> TaskResult:
    """Errors of amplitude and frequency inside and outside the range trained on."""
    config, task = context.config, context.config.task
    if not 0 < task.train_frequency < task.test_frequency or task.length < 2 or task.duration <= 0:
        raise InvalidInputError(
            f"task.train_frequency={task.train_frequency} must be positive and below "
            f"task.test_frequency={task.test_frequency}; length >= 2, duration > 0."
        )
    train, targets_train = signals(task, task.train_samples, task.train_frequency, 2 * config.seed)
    test, targets_test = signals(task, task.test_samples, task.test_frequency, 2 * config.seed + 1)
    held = max(1, len(train) // 10)
    splits = [_split(train[held:]), _split(train[:held]), _split(test)]
    targets = [targets_train[held:], targets_train[:held], targets_test]
    basis, solution = initial_basis(config.model, cache=cache(context), track=context.track)
    data = SequenceData(
        "sinusoids", splits[0], splits[1], splits[2], 2, None, 1, True, "generated", "", {}, []
    )
    model = build(config.model, data, basis)
    batch = config.train.batch_size
    loaders = [
        _Targets(splits[i], targets[i], batch if i == 0 else 100, i == 0, config.seed)
        for i in range(3)
    ]
    steps = len(loaders[0])
    module = SupervisedModule(
        model,
        parameter_groups(
            model,
            rules(config.model, config.optimizer),
            lr=config.optimizer.lr,
            weight_decay=config.optimizer.weight_decay,
        ),
        schedule(config.optimizer.schedule, steps_per_epoch=steps, epochs=config.train.epochs),
        loss=F.mse_loss,
        score=lambda outputs, wanted: -(outputs - wanted).abs().mean(-1),
    )
    fitted = fit(context, module, *loaders, epochs=config.train.epochs)
    module.load_state_dict(torch.load(context.folder / "best.pt", weights_only=True))
    predicted = _predict(model, test)
    metrics = errors(predicted, targets_test, task)
    metrics |= {"parameters": sum(p.numel() for p in model.parameters()), "steps": fitted.steps}
    if solution is not None:
        metrics |= {"kappa": solution.kappa, "perturbation_ratio": solution.ratio}
    return TaskResult(metrics, notes=["model and n are not given in the paper: n = 16, M10 E4"])


class _Targets(SequenceLoader):
    """A loader whose targets are real vectors, looked up by row."""

    def __init__(self, split: SequenceSplit, targets: Tensor, batch: int, train: bool, seed: int):
        super().__init__(split, batch, shuffle=train, seed=seed, drop_last=train)
        self._targets = targets


def _split(inputs: Tensor) -> SequenceSplit:
    return SequenceSplit(inputs, torch.zeros(len(inputs), dtype=torch.int64))


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
def _predict(model, inputs: Tensor) -> Tensor:
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
