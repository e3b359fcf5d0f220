"""S16: a multilayer perceptron on MNIST or Fashion-MNIST; one method, one rate, one seed."""

from __future__ import annotations

from itertools import pairwise

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.blocks import block_rng
from common.data.catalogue import load
from common.data.draws import shuffled
from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.sst.accounting import dense_size, trainable
from papers.sst.methods import Method, apply
from papers.sst.presets import method_of
from papers.sst.training import Recipe, train


def run(context: RunContext) -> TaskResult:
    """``accuracy`` on the test set, per cent; ``val_accuracy`` on the last ``task.val`` training
    images, which are not trained on and by which a rate is chosen."""
    task, seed = context.config.task, context.config.seed
    data = load(OmegaConf.to_object(task.dataset), context.data)
    where = device(context.config.trainer)
    count = len(data.train.targets) - task.val
    if task.val < 1 or count < task.batch_size:
        raise InvalidInputError(
            f"task.val={task.val}; allowed: 1 to {len(data.train.targets) - task.batch_size}, so "
            f"that a batch of {task.batch_size} is left to train on."
        )
    pixels, labels = flat(data.train, where), data.train.targets.to(where)
    torch.manual_seed(seed)
    model = perceptron(pixels.shape[1], list(task.widths), data.n_classes).to(where)
    base = Method(
        rank=task.rank,
        iteration_steps=task.iteration_steps,
        restart_warmup=task.restart_warmup,
        round_iterations=task.round_iterations,
    )
    trained = apply(model, method_of(task.method, base), seed=seed, skip=list(task.skip))
    in_epoch = count // task.batch_size

    def loss(step: int) -> Tensor:
        epoch, at = divmod(step, in_epoch)
        order = torch.from_numpy(shuffled(block_rng(seed, epoch), count))
        rows = order[at * task.batch_size : (at + 1) * task.batch_size].to(where)
        return F.cross_entropy(model(pixels[rows]), labels[rows])

    recipe = Recipe(task.epochs * in_epoch, task.lr, weight_decay=task.weight_decay)
    log = train(
        trained,
        loss,
        recipe,
        folder=context.folder / "training",
        every=in_epoch,
        between=context.stop.raise_if_set,
    )
    metrics = {
        "accuracy": accuracy(model, flat(data.test, where), data.test.targets.to(where)),
        "val_accuracy": accuracy(model, pixels[count:], labels[count:]),
        "final_loss": sum(log.losses[-50:]) / len(log.losses[-50:]),
        "steps": float(recipe.steps),
        "seconds": log.seconds,
        "trained_parameters": float(trainable(model)),
        "trained_share": 100 * trainable(model) / dense_size(model),
    }
    return TaskResult(metrics, [data_entry(data)], data.notes)


def perceptron(inputs: int, widths: list[int], classes: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    sizes = [inputs, *widths]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def flat(split: SequenceSplit, where: torch.device) -> Tensor:
    """(N, pixels), normalised."""
    return split.pixel_scale(split.inputs.to(where)).flatten(1)


@torch.no_grad()
def accuracy(model: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    """Per cent."""
    right = sum(
        int((model(x).argmax(1) == y).sum())
        for x, y in zip(pixels.split(1000), labels.split(1000), strict=True)
    )
    return 100 * right / len(labels)
