"""L8: adapters on a base in NF4, on code that the base has not seen: whole or in factors."""

from __future__ import annotations

from dataclasses import asdict

import torch
from omegaconf import OmegaConf
from torch import nn

from common.compression.costs import parameters, stored_bytes
from common.compression.language_models import trained_lm
from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.nn.gpt import GPTConfig
from common.trainers.language_model import Recipe, optimiser, train
from papers.lord.accounting import MLP, STARCODER, Ranks
from papers.lord.adapters import adapted
from papers.lord.cutting import cut
from papers.lord.memory import Memory, qlora
from papers.lord.tasks.parameter_cuts import STARCODER_MIXED


def run(context: RunContext) -> TaskResult:
    """Perplexity on the shifted corpus and on the old one before and after the same steps; bytes
    by the model and as they are."""
    config = context.config
    task, start = config.task, trained_lm(context)
    shifted = load(OmegaConf.to_object(task.shifted), context.data)
    if shifted.tokenizer != start.corpus.tokenizer:
        raise InvalidInputError("task.shifted has other tokens than task.dataset.")
    shape = start.model.config
    model, ranks = cut(start, task.cut, task.grid, task.calibration_tokens, config.seed)

    def judge(stream: torch.Tensor) -> float:
        return start.perplexity(model, task.judged_tokens, stream)

    metrics = {"untouched": start.perplexity(start.model, task.judged_tokens, shifted.val)}
    adapted(model, task.rank, task.alpha, quantised=task.quantised, seed=config.seed)
    model.to(start.device)
    metrics |= {"before": judge(shifted.val), "old_before": judge(start.corpus.val)}
    recipe = Recipe(
        steps=task.steps,
        batch_size=task.batch_size,
        context=start.context,
        lr=task.lr,
        warmup=min(10, task.steps),
        decay=0.9,
        weight_decay=0.0,
        seed=config.seed,
    )
    losses = train(
        model,
        shifted.train,
        recipe,
        folder=context.folder / "training",
        every=20,
        between=context.stop.raise_if_set,
    )
    metrics |= {"after": judge(shifted.val), "old_after": judge(start.corpus.val)}
    metrics["steps"] = float(recipe.steps)
    metrics["gain"] = metrics["before"] - metrics["after"]
    metrics["gain_per_cent"] = 100 * metrics["gain"] / metrics["before"]
    # What factorising cost is part of `before`, and winning it back part of `gain`.
    metrics["gain_over_untouched"] = metrics["untouched"] - metrics["after"]
    stored = start.model.lm_head.weight.element_size()
    metrics |= memory(shape, ranks, task.rank, stored) | starcoder_memory(task.rank)
    if task.quantised:
        held = held_bytes(model, recipe)
        metrics["bytes"] = float(held)
        metrics["bytes_model_error"] = float(abs(held - metrics["bytes_model"]))
    metrics["trainable"] = float(sum(p.numel() for p in model.parameters() if p.requires_grad))
    metrics["parameters"] = float(parameters(model) - metrics["trainable"])
    return TaskResult(
        metrics | start.gate,
        [*start.entries, data_entry(shifted)],
        start.notes,
        curves={"loss": losses},
    )


def held_bytes(model: nn.Module, recipe: Recipe) -> int:
    """What is held while adapters train: the stored model, gradients, and Adam's moments, counted
    on tensors that exist."""
    adam = optimiser(model, recipe)
    trained = [p for group in adam.param_groups for p in group["params"]]
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    adam.step()
    moments = [t for state in adam.state.values() for t in state.values() if t.ndim]
    gradients = [parameter.grad for parameter in trained]
    return stored_bytes(model) + sum(t.numel() * t.element_size() for t in gradients + moments)


def memory(
    config: GPTConfig, ranks: Ranks, adapter_rank: int, other_bytes: int
) -> dict[str, float]:
    """Bytes of this run by the closed form, and per cent less than with the base whole."""
    own, whole = (qlora(config, r, adapter_rank, other_bytes=other_bytes) for r in (ranks, None))
    parts = {f"bytes_model_{name}": float(value) for name, value in asdict(own).items()}
    return parts | {
        "bytes_model": float(own.total),
        "bytes_saved": saved(own, whole),
        "base_bytes_saved": 100 * (1 - own.base / whole.base),
    }


def starcoder_memory(adapter_rank: int) -> dict[str, float]:
    """The same of StarCoder at 12.3 B, all that is not in NF4 in 16 bits."""
    mixed = [dict.fromkeys(MLP, rank) for blocks, rank in STARCODER_MIXED for _ in range(blocks)]
    small = qlora(STARCODER, mixed, adapter_rank, other_bytes=2)
    whole = qlora(STARCODER, None, adapter_rank, other_bytes=2)
    return {
        "starcoder_gigabytes": whole.total / 1e9,
        "starcoder_bytes_saved": saved(small, whole),
    }


def saved(small: Memory, whole: Memory) -> float:
    """Per cent."""
    return 100 * (1 - small.total / whole.total)
