"""L6: an MLP in factors against itself, module by module and as a whole model, on one thread.

The two products of a layer follow each other; W2 W1 is never formed. Their ideal speed-up is that
of the multiply-adds, d_in d_out / (r (d_in + d_out)).
"""

from __future__ import annotations

import copy
from statistics import median

import torch
from omegaconf import OmegaConf
from torch import nn

from common.compression import layers
from common.compression.costs import latency
from common.compression.factorised import LowRankLinear
from common.compression.ranks import by_fraction
from common.data.catalogue import load
from common.data.reference_lm import ReferenceLM
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.lord.accounting import MLP
from papers.lord.models import linear_layers


def run(context: RunContext) -> TaskResult:
    """Medians over rounds in which dense and factors take turns."""
    task, on = context.config.task, device(context.config.trainer)
    if task.rounds < 1:
        raise InvalidInputError(f"task.rounds={task.rounds}; allowed: 1 or more.")
    lm: ReferenceLM = load(OmegaConf.to_object(task.weights), context.data)
    torch.manual_seed(context.config.seed)
    dense = nn.Sequential(
        nn.Linear(task.width, task.hidden), nn.GELU(), nn.Linear(task.hidden, task.width)
    )
    dense = dense.to(on).eval()
    small = in_shape(copy.deepcopy(dense), ["0", "2"], task.fraction)
    x = torch.randn(task.tokens, task.width, device=on)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        module = paired_seconds(dense, small, x, task.rounds, on)
        model = lm.model(on)
        names = [name for name in linear_layers(model) if name.endswith(MLP)]
        factors = in_shape(copy.deepcopy(model), names, task.fraction)
        tokens = torch.randint(lm.config.vocabulary, (1, lm.config.context), device=on)
        whole = paired_seconds(model, factors, tokens, task.rounds, on)
    finally:
        torch.set_num_threads(threads)
    rank = small[0].rank
    flops = task.width * task.hidden / (rank * (task.width + task.hidden))
    return TaskResult(
        {
            "speedup": module[0] / module[1],
            "flop_ratio": flops,
            "speedup_over_flop_ratio": module[0] / module[1] / flops,
            "dense_seconds": module[0],
            "factors_seconds": module[1],
            "model_speedup": whole[0] / whole[1],
            "model_dense_seconds": whole[0],
            "model_factors_seconds": whole[1],
        },
        [data_entry(lm)],
        facts={"device": str(on), "rank": rank},
    )


@torch.no_grad()
def paired_seconds(
    one: nn.Module, other: nn.Module, x: torch.Tensor, rounds: int, on: torch.device
) -> tuple[float, float]:
    """Median seconds of each; they take turns, so that both meet the same machine."""
    times = [
        (
            latency(lambda: one(x), rounds=1, device=on),
            latency(lambda: other(x), rounds=1, device=on),
        )
        for _ in range(rounds)
    ]
    return median(t for t, _ in times), median(t for _, t in times)


def in_shape(model: nn.Module, names: list[str], fraction: float) -> nn.Module:
    """These layers with factors of a rank, in place. Time depends on shapes, not on values: the
    factors are cut out of the weight."""
    for name in names:
        layer = model.get_submodule(name)
        rank = by_fraction(fraction, min(layer.weight.shape))
        first, second = layer.weight[:rank], layer.weight[:, :rank]
        layers.replace(model, name, LowRankLinear(first, second, layer.bias))
    return model
