"""L1 and L2 on the language model: outputs layer by layer, then the perplexity at half the rank."""

from __future__ import annotations

from torch import nn

from common.compression.capture import output_moments
from common.compression.language_models import LanguageStart, trained_lm
from common.compression.ranks import by_fraction
from common.experiment.context import RunContext, TaskResult
from common.nn.gpt import QKV, split_qkv
from common.trainers.perplexity import windows
from papers.lord.comparison import compared
from papers.lord.exactness import tail_identity
from papers.lord.models import (
    AFM,
    METHODS,
    decompositions,
    linear_layers,
    low_rank,
    of_moments,
    sequentially_low_rank,
)
from papers.lord.tasks.output_error import pca_distance


def run(context: RunContext) -> TaskResult:
    """Outputs of every layer, and perplexities with all of them at half of their largest rank: each
    method, AFM with the statistics taken anew after each layer, AFM with queries, keys and values
    apart, of as many weights."""
    task, start = context.config.task, trained_lm(context)
    model, seed = start.model, context.config.seed
    batches = start.calibration(task.calibration_tokens, seed)
    targets = linear_layers(model)
    found = output_moments(model, targets, batches)
    judged, _ = windows(start.corpus.val, start.context, task.output_tokens)
    metrics, ratios = compared(
        model, targets, found, judged.to(start.device).split(8), task.fractions, uncentred=True
    )
    context.stop.raise_if_set()

    def judge(changed) -> float:
        context.stop.raise_if_set()
        return start.perplexity(changed, task.judged_tokens)

    half = {name: by_fraction(0.5, min(layer.weight.shape)) for name, layer in targets.items()}
    for method in METHODS:
        small = low_rank(model, of_moments(targets, found, method), half)
        metrics[f"half_rank_{method}"] = judge(small)
    metrics["half_rank_sequential"] = judge(sequentially_low_rank(model, targets, half, batches))
    apart = split_qkv(start.copy())
    parts = decompositions(apart, linear_layers(apart), batches, AFM)
    metrics["half_rank_split_qkv"] = judge(low_rank(apart, parts, apart_ranks(apart, half)))
    metrics["intact"] = judge(model)
    if task.exact_tokens:
        metrics |= exactness(start, task, seed)
    return TaskResult(metrics | start.gate, start.entries, start.notes, {"ratios": ratios})


def apart_ranks(apart: nn.Module, ranks: dict[str, int]) -> dict[str, int]:
    """Queries, keys and values at one rank that gives them as many weights as the fused layer has
    in factors; the other layers at the ranks that are given."""
    found = {name: rank for name, rank in ranks.items() if not name.endswith(".c_attn")}
    for name, rank in ranks.items():
        if name.endswith(".c_attn"):
            parent = name.removesuffix("c_attn")
            parts = [apart.get_submodule(parent + part) for part in QKV]
            sizes = [sum(layer.weight.shape) for layer in parts]
            fused = parts[0].weight.shape[1] + sum(layer.weight.shape[0] for layer in parts)
            found |= dict.fromkeys((parent + part for part in QKV), rank * fused // sum(sizes))
    return found


def exactness(start: LanguageStart, task, seed: int) -> dict[str, float]:
    """L1, on a copy of the model in float64."""
    exact = start.copy().double()
    few = start.calibration(task.exact_tokens, seed, batch_size=task.exact_tokens)
    layers = linear_layers(exact)
    found = tail_identity(exact, layers, few, task.fractions, task.competitors)
    return found | {"pca_error": pca_distance(exact, layers, few[0], task.fractions)}
