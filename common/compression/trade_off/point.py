"""One point: compress a shared checkpoint, train for the steps that all get, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import nn

from common.compression import costs
from common.compression.budget import Budget
from common.compression.compress import Method, compress
from common.compression.costs import Costs
from common.compression.methods import MagnitudePruning
from common.compression.trade_off.controls import SMALL_DENSE, method_named
from common.compression.trade_off.subjects import Subject
from common.compression.tuning import Tuning, tune
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult

Own = Callable[[Tuning], Method]


def measure(
    context: RunContext, subject: Subject, own: Mapping[str, Own], *, trains: bool
) -> TaskResult:
    """The configured method on ``subject``.

    Args:
        own: what the paper has by the name that ``task.method`` gives it, given the training; its
            method is ``own``.
        trains: whether these train by themselves; others are trained after they have compressed.

    Returns:
        ``score`` and ``score_dense`` (accuracy in per cent, or perplexity), ``score_untrained``
        where something was trained only after the compression; ``parameters``, ``macs``, ``bytes``
        and each ``*_part`` of the dense model's, in per cent. Pruned weights take no multiply-adds,
        and four bytes for each that is left beside a bit for each place.

    Raises:
        InvalidInputError: no step, an unknown method, or a budget that cannot be met.
    """
    task = context.config.task
    if task.steps < 1:
        raise InvalidInputError(f"task.steps={task.steps}; allowed: 1 or more.")
    tuning = Tuning(subject.batches, task.steps, task.lr, make_optimiser=subject.make_optimiser)
    dense = costs.costs(subject.model, subject.calibration[0])
    context.stop.raise_if_set()
    metrics = {"score_dense": subject.judge(subject.model)} | subject.metrics
    if task.method == SMALL_DENSE:
        model, after = _small_dense(subject, dense, context.config)
        tune(model, replace(tuning, lr=task.scratch_lr))
    else:
        method = method_named(task.method, own, tuning)
        model, report = compress(
            subject.model,
            method,
            calibration=subject.calibration,
            budget=_budget(task),
            exclude=subject.exclude,
        )
        after = report.compressed
        pruned = _zeros(model, report.layers) if isinstance(method, MagnitudePruning) else {}
        if pruned:
            after = _sparse(after, report.layers, pruned)
        if not (task.method in own and trains):
            metrics["score_untrained"] = subject.judge(model)
            context.stop.raise_if_set()
            tune(model, tuning, before_update=lambda: _hold(pruned))
    metrics["score"] = subject.judge(model)
    for unit in ("parameters", "macs", "bytes"):
        count, whole = getattr(after, unit), getattr(dense, unit)
        metrics |= {unit: float(count), f"{unit}_part": 100 * count / whole}
    return TaskResult(metrics, subject.entries, subject.notes)


def _budget(task) -> Budget | None:
    return None if task.budget is None else Budget(**{task.budget_of: task.budget})


def _small_dense(subject: Subject, dense: Costs, config) -> tuple[nn.Module, Costs]:
    """The widest model of the same architecture within the budget, untrained."""
    task = config.task
    if task.budget is None:
        raise InvalidInputError(f"{SMALL_DENSE} needs task.budget, a part of the dense model.")
    most = task.budget * getattr(dense, task.budget_of)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        for model in subject.smaller():
            after = costs.costs(model, subject.calibration[0])
            if getattr(after, task.budget_of) <= most:
                return model, after
    raise InvalidInputError(
        f"task.budget={task.budget} of the {task.budget_of}: the narrowest model takes more."
    )


def _zeros(model: nn.Module, layers) -> Mapping[nn.Parameter, torch.Tensor]:
    weights = [model.get_submodule(layer.name).weight for layer in layers]
    return {weight: weight == 0 for weight in weights}


def _hold(pruned: Mapping[nn.Parameter, torch.Tensor]) -> None:
    """Pruned weights get no gradient; weight decay leaves a zero where it is."""
    for weight, zero in pruned.items():
        weight.grad.masked_fill_(zero, 0)


def _sparse(after: Costs, layers, pruned: Mapping[nn.Parameter, torch.Tensor]) -> Costs:
    """Costs of a format and of kernels that skip zeros."""
    macs, stored = after.macs, after.bytes
    for layer, (weight, zero) in zip(layers, pruned.items(), strict=True):
        gone = int(zero.sum())
        macs -= layer.macs[1] * gone // weight.numel()
        stored -= gone * weight.element_size() - -(-weight.numel() // 8)
    return Costs(after.nonzero, stored, macs, after.nonzero)
