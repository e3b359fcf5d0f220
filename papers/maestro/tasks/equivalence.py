"""M8: in ordered factors at full rank every network computes what it did before."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from common.experiment.context import RunContext, TaskResult
from common.nn.imagenet_resnet import ImageNetResNet
from papers.maestro.lod import decompose
from papers.maestro.networks import Attention, LeNet, Transformer, Vgg19, with_group_norms


def run(context: RunContext) -> TaskResult:
    """Largest difference of the outputs, in single and in double precision, with batch norms that
    take the statistics of the batch, and (`*_evaluated_*`) those of none: with these a deep network
    that is not trained gives little more than its last bias, whatever its input."""
    metrics = {}
    for name, model, inputs in networks(context.config.seed):
        for dtype, word in ((torch.float32, "float32"), (torch.float64, "float64")):
            metrics[f"{name}_{word}"] = difference(model.train(), inputs, dtype)
            metrics[f"{name}_evaluated_{word}"] = difference(model.eval(), inputs, dtype)
    for word in ("float32", "float64"):
        metrics[f"largest_{word}"] = max(
            v for k, v in metrics.items() if k.endswith(word) and "evaluated" not in k
        )
    return TaskResult(metrics)


def networks(seed: int) -> list[tuple[str, nn.Module, tuple[Tensor, ...]]]:
    """As they are initialised, and inputs for each."""
    torch.manual_seed(seed)
    images = torch.randn(16, 3, 32, 32)
    sequence = torch.randn(2, 7, 32)
    tokens = torch.randint(20, (2, 9))
    return [
        ("lenet", LeNet(), (torch.randn(2, 1, 28, 28),)),
        ("vgg19", Vgg19(), (images,)),
        ("vgg19_group_norm", with_group_norms(Vgg19()), (images,)),
        ("resnet18", ImageNetResNet(18, classes=10, small=True), (images,)),
        ("attention", Attention(32, 4), (sequence, sequence)),
        ("transformer", Transformer(20, layers=2, width=32, heads=4), (tokens, tokens)),
    ]


@torch.no_grad()
def difference(model: nn.Module, inputs: tuple[Tensor, ...], dtype: torch.dtype) -> float:
    """Of the outputs, absolute, in the mode that the model is in."""
    model = copy.deepcopy(model).to(dtype)
    inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)
    before = model(*inputs)
    factorised = copy.deepcopy(model)
    decompose(factorised)
    return float((factorised(*inputs) - before).abs().max())
