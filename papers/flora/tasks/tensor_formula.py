"""F1: the change; F2: its side path; F3, F11: counts; F6: linear layers; F7: dimensions."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from common.adapters.sites import site
from common.experiment.context import RunContext, TaskResult
from papers.flora.dimensions import dimension, jacobian_rank
from papers.flora.models import FLoRAMethod
from papers.flora.readings import core_numbers, reading_numbers

_SETS = (
    ((8, 7), (3, 3)),
    ((6, 5, 3, 3), (2, 3, 2, 2)),
    ((6, 5, 3, 3), (2, 2, 1, 1)),
    ((5, 4, 2, 3, 3), (2, 2, 1, 2, 2)),
    ((8, 7), (3, 2)),
)
_DIMENSIONS = (36, 42, 22, 31, 26)


def run(context: RunContext) -> TaskResult:
    """Largest errors. ``change``: against the definition by einsum, float64; ``at_start``: of a
    layer's output, bit for bit; ``side_path``: against one convolution, relative, float32;
    ``merge``: after merging a change as large as the weight and taking it out again: a sum rounds
    relative to the larger of both; ``dimension_error``: of the Jacobian's rank from
    the published numbers, and of the closed form; ``linear_set_error``: of the rank of the
    Jacobian, FLoRA's from LoRA's; ``linear_fit``: between both best fits."""
    task = context.config.task
    torch.manual_seed(context.config.seed)
    metrics = {
        "change": max(change_error(i) for i in range(task.shapes)),
        "rank_one": rank_one_error(),
        "at_start": max(start_difference(i) for i in range(task.shapes)),
    }
    found = [convolution_errors(i) for i in range(task.convolutions)]
    metrics |= {name: max(one[name] for one in found) for name in found[0]}
    ranks = [jacobian_rank(*shapes) for shapes in _SETS]
    metrics["dimension_error"] = max(abs(a - b) for a, b in zip(ranks, _DIMENSIONS, strict=True))
    # The last has a rank above the other's: its surplus is wasted, the closed form is not for it.
    metrics["closed_form_error"] = max(
        abs(a - dimension(*shapes)) for a, shapes in zip(ranks[:-1], _SETS[:-1], strict=True)
    )
    metrics |= linear_layers() | counts()
    return TaskResult(metrics)


def change_error(seed: int) -> float:
    """Of a random weight of 2 to 5 modes, relative."""
    generator = torch.Generator().manual_seed(seed)
    modes = 2 + seed % 4
    layer = _layer(modes, generator)
    place = site("layer", layer.double())
    update = _built(place, FLoRAMethod(rank=2, spatial_rank=2, scale=0.5))
    inner, outer = "abcde"[:modes], "vwxyz"[:modes]
    parts = ",".join(o + i for o, i in zip(outer, inner, strict=True))
    factors = list(update.modes)
    expected = 0.5 * torch.einsum(f"{inner},{parts}->{outer}", update.core, *factors)
    return _relative(update.change().view(place.shape), expected)


def rank_one_error() -> float:
    """A core of one entry, by hand: 6 (1, 2) (1, -1) (5, 7)."""
    place = site("layer", nn.Conv2d(2, 2, (1, 2), bias=False).double())
    update = FLoRAMethod(ranks=(1, 1, 1, 1), scale=2.0).build(place, None, 0)
    update.core.data.fill_(3.0)
    for mode, values in enumerate(([1.0, 2.0], [1.0, -1.0], [1.0], [5.0, 7.0])):
        update.modes[mode].data.copy_(torch.tensor(values)[:, None])
    expected = 6.0 * torch.tensor([[5.0, 7, -5, -7], [10, 14, -10, -14]])
    return float((update.change() - expected).abs().max())


def start_difference(seed: int) -> float:
    """Of a layer's output with a new adapter beside it."""
    generator = torch.Generator().manual_seed(seed)
    layer = _layer(3 + seed % 3, generator)
    place = site("layer", layer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        update = FLoRAMethod(rank=2).build(place, None, 0)
    x = torch.randn(2, layer.in_channels, *[7] * (len(place.shape) - 2), generator=generator)
    return float((layer(x) + update.side(x, place) - layer(x)).abs().max())


def convolution_errors(seed: int) -> dict[str, float]:
    """Of a random configuration: kernels of one tap, uneven ones, strides, groups, paddings."""
    generator = torch.Generator().manual_seed(seed)

    def one_of(*values):
        return values[int(torch.randint(len(values), (), generator=generator))]

    layer = nn.Conv2d(
        8,
        8,
        one_of(1, 3, 7, (3, 5)),
        stride=one_of(1, 2),
        padding=one_of(0, 1, 2),
        dilation=one_of(1, 2),
        groups=one_of(1, 2, 8),
        padding_mode=one_of("zeros", "circular", "reflect", "replicate"),
    )
    place, x = site("layer", layer), torch.randn(2, 8, 16, 15, generator=generator)
    update = _built(place, FLoRAMethod(rank=3, spatial_rank=2))
    before = layer.weight.detach().clone()
    found = layer(x) + update.side(x, place)
    place.add_(*update.factors(), sign=1.0)
    expected = layer(x)
    layer.weight.data.copy_(before)
    with torch.no_grad():
        update.core.mul_(before.abs().max() / update.change().abs().max())
    place.add_(*update.factors(), sign=1.0)
    place.add_(*update.factors(), sign=-1.0)
    return {
        "side_path": float((found - expected).abs().max() / expected.abs().max()),
        "merge": float((layer.weight - before).abs().max() / before.abs().max()),
    }


def linear_layers() -> dict[str, float]:
    """Both reach the matrices of rank r: as many dimensions, and the same best fit."""
    rows, columns, rank = 8, 7, 3
    lora = torch.autograd.functional.jacobian(
        lambda left, right: (left @ right).flatten(),
        (torch.randn(rows, rank).double(), torch.randn(rank, columns).double()),
    )
    of_lora = int(torch.linalg.matrix_rank(torch.cat([part.flatten(1) for part in lora], 1)))
    target = torch.randn(rows, columns).double()
    left, values, right = torch.linalg.svd(target, full_matrices=False)
    update = FLoRAMethod(rank=rank, scale=1.0).build(
        site("layer", nn.Linear(columns, rows).double()), None, 0
    )
    update.core.data.copy_(values[:rank].diag())
    update.modes[0].data.copy_(left[:, :rank])
    update.modes[1].data.copy_(right[:rank].mT)
    error = (target - update.change()).square().sum()
    return {
        "linear_set_error": abs(of_lora - jacobian_rank((rows, columns), (rank, rank))),
        "linear_fit": float((error - values[rank:].square().sum()).abs() / target.square().sum()),
    }


def counts() -> dict[str, float]:
    """Trained numbers, and what FLoRA has over LoRA on 160 linear layers."""
    small, large = (256, 256, 3, 3), (512, 512, 7, 7)
    return {
        "flora_256_3": core_numbers(small, (32, 32, 2, 2)),
        "view_256_3": reading_numbers(small, "view", 32),
        "peft_256_3": reading_numbers(small, "peft", 32),
        "flora_512_7": core_numbers(large, (32, 32, 4, 4)),
        "view_512_7": reading_numbers(large, "view", 32),
        "peft_512_7": reading_numbers(large, "peft", 32),
        **{f"extra_r{rank}": 160 * extra_numbers(rank) for rank in (4, 16, 32)},
    }


def extra_numbers(rank: int) -> int:
    """Of an adapter that is built beside one of LLaMA-7B's layers, over LoRA's there."""
    place = site("query", nn.Linear(4096, 4096, bias=False, device="meta"))
    return FLoRAMethod(rank=rank).build(place, None, 0).number() - rank * sum(place.shape)


def _layer(modes: int, generator: torch.Generator) -> nn.Module:
    def size(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=generator))

    if modes == 2:
        return nn.Linear(size(3, 9), size(3, 9))
    kernel = tuple(size(1, 5) for _ in range(modes - 2))
    return (nn.Conv1d, nn.Conv2d, nn.Conv3d)[modes - 3](size(3, 9), size(3, 9), kernel)


def _built(place, method: FLoRAMethod):
    """With random numbers everywhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        update = method.build(place, None, 0)
    for parameter in update.parameters():
        nn.init.normal_(parameter)
    return update


def _relative(found: Tensor, expected: Tensor) -> float:
    found, expected = found.detach(), expected.detach()
    return float((found - expected).norm() / expected.norm())
