"""E2: train clean, then add one Fourier mode at the input of every state-space layer.

At test time channel h of sample b receives, before each layer and at step k,

    amplitude * a * cos(frequency * Delta_h * k),     a ~ U[0, 1) for each sample and channel,

a mode of fixed frequency in the layer's own time. (A_perp, B_H/2) resonates at w_0(n), about
n^2/pi (325.4 for n = 32), however small its step; A_H and A_H + E do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from common.data.loader import SequenceLoader
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.kernels.transfer import spike_frequency
from common.nn.s4 import S4
from common.trainers.fit import load_best
from common.trainers.sequence_task import load_data, report
from papers.s5_ptd.models import build, initial_basis
from papers.s5_ptd.tasks.classify import cache, perturbation, train

NOISE_SEED = 325


def run(context: RunContext) -> TaskResult:
    """Clean accuracy, and the accuracy under noise at each frequency of the task."""
    config = context.config
    check_frequency(config.model.state_size, config.task.frequencies)
    data = load_data(context)
    basis, solution = initial_basis(config.model, cache=cache(context), track=context.track)
    model = build(config.model, data, basis)
    fitted = train(context, model, data)
    result = report(config, data, fitted, model)
    result.metrics |= perturbation(solution)
    here = device(config.trainer)
    load_best(model, context.folder).to(here)
    loader = SequenceLoader(
        data.test,
        config.train.eval_batch_size,
        shuffle=False,
        seed=0,
        drop_last=False,
        device=here,
    )
    for frequency in context.track(list(config.task.frequencies), "noise frequencies"):
        with layer_noise(model, config.task.amplitude, frequency):
            result.metrics[f"accuracy_noise_{frequency:g}"] = accuracy(model, loader)
    result.notes.append(
        f"noise of amplitude {config.task.amplitude:g} at the input of every layer, at test time"
    )
    return result


def check_frequency(n: int, frequencies: list[float]) -> None:
    """The first frequency must be the last spike of size n: at any other S4D is not touched.

    Raises:
        InvalidInputError: naming the spike.
    """
    spike = spike_frequency(n)
    if not frequencies:
        raise InvalidInputError(f"task.frequencies is empty; the first has to be {spike:.4f}.")
    if abs(frequencies[0] - spike) > 0.5:
        raise InvalidInputError(
            f"task.frequencies[0]={frequencies[0]} is not the last spike of n={n}, which lies at "
            f"{spike:.4f}; change one of the two."
        )


@contextmanager
def layer_noise(model: nn.Module, amplitude: float, frequency: float) -> Iterator[None]:
    """Add the mode to the input of every S4 layer inside the block; the same draw every time."""
    generator = torch.Generator().manual_seed(NOISE_SEED)

    def add(layer: S4, inputs: tuple) -> tuple:
        u, *rest = inputs
        a = torch.rand(u.shape[0], 1, u.shape[2], generator=generator).to(u)
        steps = torch.arange(u.shape[1], device=u.device, dtype=torch.float64)
        # The phase reaches thousands of radians: float64 until the cosine is taken.
        phase = frequency * steps[:, None] * layer.log_dt.double().exp()
        return (u + amplitude * a * torch.cos(phase).to(u), *rest)

    layers = [m for m in model.modules() if isinstance(m, S4)]
    if not layers:
        raise InvalidInputError("the noise goes into S4 layers; choose a model with layer s4.")
    handles = [layer.register_forward_pre_hook(add) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def accuracy(model: nn.Module, loader: SequenceLoader) -> float:
    """Per cent of right classes, in evaluation mode."""
    model.eval()
    right = total = 0
    for inputs, lengths, targets in loader:
        right += int((model(inputs, lengths).argmax(-1) == targets).sum())
        total += len(targets)
    return 100 * right / total
