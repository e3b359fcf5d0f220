"""M7: parameters and multiply-adds of ResNet-50 in factors, counted and in closed form."""

from __future__ import annotations

import torch
from torch import nn

from common.compression.costs import macs, parameters
from common.compression.forms import CHANNEL, LINEAR, macs_at_a_position
from common.compression.layers import replace, select
from common.compression.truncation import Factors
from common.experiment.context import RunContext, TaskResult
from common.nn.imagenet_resnet import ImageNetResNet

PARTS = (0.25, 0.5)


def run(context: RunContext) -> TaskResult:
    """On the meta device: shapes only."""
    with torch.device("meta"):
        model, image = ImageNetResNet(50), torch.empty(1, 3, 224, 224)
        found, counted = positions(model, image), sum(macs(model, image).values())
        wanted = sum(
            found[name] * macs_at_a_position(layer)
            for name, layer in select(model, (nn.Linear, nn.Conv2d)).items()
        )
        metrics = {"parameters": parameters(model), "macs": counted}
        metrics["macs_count_error_1"] = abs(counted / wanted - 1)
        for part in PARTS:
            metrics |= at_part(ImageNetResNet(50), image, found, wanted, part)
    metrics["largest_count_error"] = max(v for k, v in metrics.items() if "count_error" in k)
    return TaskResult(metrics)


def positions(model: nn.Module, image: torch.Tensor) -> dict[str, int]:
    """Of the output of each layer, read from its shape."""
    found: dict[str, int] = {}
    hooks = [
        layer.register_forward_hook(
            lambda module, inputs, output, name=name: found.update(
                {name: output.numel() // (len(output) * output.shape[1])}
            )
        )
        for name, layer in select(model, (nn.Linear, nn.Conv2d)).items()
    ]
    model(image)
    for hook in hooks:
        hook.remove()
    return found


def at_part(
    model: nn.Module, image: torch.Tensor, found: dict[str, int], dense_macs: int, part: float
) -> dict[str, float]:
    """Every layer at this part of its rank, or dense where that is smaller."""
    dense = parameters(model)
    wanted_parameters, wanted_macs = dense, dense_macs
    for name, layer in select(model, (nn.Linear, nn.Conv2d)).items():
        form = CHANNEL if isinstance(layer, nn.Conv2d) else LINEAR
        rank = max(1, round(part * form.largest_rank(layer)))
        saved = layer.weight.numel() - rank * form.unit(layer)
        if saved <= 0:
            continue
        wanted_parameters -= saved
        wanted_macs -= found[name] * (macs_at_a_position(layer) - rank * form.unit_macs(layer))
        replace(model, name, form.build(shapes(layer.weight.flatten(1).shape, rank), layer))
    counted = parameters(model), sum(macs(model, image).values())
    return {
        f"parameters_part_{part:g}": counted[0] / dense,
        f"macs_part_{part:g}": counted[1] / dense_macs,
        f"parameters_count_error_{part:g}": abs(counted[0] / wanted_parameters - 1),
        f"macs_count_error_{part:g}": abs(counted[1] / wanted_macs - 1),
    }


def shapes(matrix: torch.Size, rank: int) -> Factors:
    """Factors without values."""
    rows, columns = matrix
    return Factors(torch.empty(rows, rank), torch.empty(rank), torch.empty(rank, columns))
