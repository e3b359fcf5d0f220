"""T1, T2, T3: short trainings from one trained network, with projection and without.

All start from the same weights, see the same batches and take the same number of steps; then each
is decomposed, and the networks are compared before and after, at the same speed-up. Nothing is
tuned after a decomposition.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from common.compression.forms import CHANNEL, FORMS, SPATIAL, ConvForm
from common.compression.references import Start, trained_resnet
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.trainers.equal_steps import equal_steps
from common.trainers.fit import FitResult
from common.trainers.image_module import ImageModule
from common.trainers.image_task import accuracy, train, within
from papers.trp.decompose import Cut, decompose
from papers.trp.models import RankPruner, TrainedRankPruning, projected_layers, rank_sum
from papers.trp.projection import project


def run(context: RunContext) -> TaskResult:
    """Accuracies in per cent, before and after decomposition, and what the decomposition saves.

    Raises:
        InvalidInputError: the trainings with projection do not begin with lambda 0, by whose
            speed-up all controls are cut.
    """
    task = context.config.task
    if not task.nuclear or task.nuclear[0] != 0:
        raise InvalidInputError(f"task.nuclear={list(task.nuclear)}; allowed: a list from 0.0 on.")
    start, form = trained_resnet(context), FORMS[task.projection.form]
    metrics = {"accuracy_dense": accuracy(start.model, start.data.test)}
    metrics |= one_shot_curves(context, start)

    trainings = [(name_of(nuclear), nuclear, True) for nuclear in task.nuclear]
    if task.penalty_only is not None:
        trainings.append(("nu", task.penalty_only, False))
    reference: Cut | None = None
    steps = []
    for name, nuclear, overwrite in trainings:
        model, fitted, pruner = trained(context, start, name, nuclear, overwrite=overwrite)
        steps.append(fitted.steps)
        metrics[f"{name}_before"] = fitted.val_scores[-1]
        if not overwrite:
            metrics |= _at_speedup(name, start, model, form, reference.speedup, task)
            continue
        cut = decompose(model, form, start.image, left_out=task.final_left_out)
        metrics |= _described(name, start, model, form, cut, task.final_left_out)
        metrics |= _stability(name, pruner)
        if reference is None:
            reference, projected = cut, model
        else:  # T3: the network of lambda 0, cut to at most this one's speed-up
            metrics |= _at_speedup(f"{name}_versus", start, projected, form, cut.speedup, task)
    metrics["accuracy"] = metrics["trp_after"]
    metrics["trp_drop"] = metrics["trp_before"] - metrics["trp_after"]
    metrics["trp_distance"] = metrics["accuracy_dense"] - metrics["trp_after"]
    for name, values in (("channel", "nc"), ("spatial", "vh")):
        metrics[f"margin_{name}"] = metrics["trp_after"] - _at(
            metrics, values, task.curves, reference.speedup
        )

    model, fitted = plainly_trained(context, start)
    steps.append(fitted.steps)
    metrics["plain_before"] = fitted.val_scores[-1]
    metrics |= _at_speedup("plain", start, model, form, reference.speedup, task)
    metrics["plain_drop"] = metrics["plain_before"] - metrics["plain_after"]
    metrics["extra_drop"] = metrics["plain_drop"] - metrics["trp_drop"]
    metrics |= _at_speedup("untouched", start, start.model, form, reference.speedup, task)
    if task.cut_first:
        before, cut, fitted = cut_first(context, start, form, reference.speedup)
        steps.append(fitted.steps)
        metrics |= {
            "cut_first_before": before,
            "cut_first_after": fitted.val_scores[-1],
            "cut_first_speedup": cut.speedup,
            "cut_first_gain": fitted.val_scores[-1] - metrics["trp_after"],
        }
    metrics["steps"] = equal_steps(steps)
    return TaskResult(metrics, start.entries, list(start.data.notes))


def name_of(nuclear: float) -> str:
    """Of a training with projection, in metrics and folders."""
    return "trp" if nuclear == 0 else f"trp_nu_{nuclear:g}"


def trained(
    context: RunContext, start: Start, name: str, nuclear: float, *, overwrite: bool
) -> tuple[nn.Module, FitResult, RankPruner]:
    """The start after the configured steps with a rank pruner."""
    settings, model = context.config.task.projection, start.copy()
    pruner = RankPruner(
        projected_layers(model),
        FORMS[settings.form],
        left_out=settings.left_out,
        period=settings.period,
        nuclear=nuclear,
        overwrite=overwrite,
    )
    fitted = train(within(context, name), model, start.data, TrainedRankPruning, pruner=pruner)
    return model.eval(), fitted, pruner


def plainly_trained(context: RunContext, start: Start) -> tuple[nn.Module, FitResult]:
    """The same steps without projection: same batches, rate and weight decay."""
    model = start.copy()
    fitted = train(within(context, "plain"), model, start.data, ImageModule)
    return model.eval(), fitted


def cut_first(
    context: RunContext, start: Start, form: ConvForm, speedup: float
) -> tuple[float, Cut, FitResult]:
    """The usual order: decompose at that speed-up, then train the factors for the same steps."""
    cut = at_most(start.model, form, start, speedup, context.config.task.energy_step)
    before = accuracy(cut.model, start.data.test)
    return before, cut, train(within(context, "cut_first"), cut.model, start.data, ImageModule)


def one_shot_curves(context: RunContext, start: Start) -> dict[str, float]:
    """Accuracy of the untouched network, cut once: Zhang et al. (NC) and Jaderberg et al. (VH)."""
    metrics = {}
    for short, form in (("nc", CHANNEL), ("vh", SPATIAL)):
        for left_out in context.track(list(context.config.task.curves), f"one-shot cut, {short}"):
            cut = decompose(start.model, form, start.image, left_out=left_out)
            metrics[f"{short}_accuracy_e{left_out:g}"] = accuracy(cut.model, start.data.test)
            metrics[f"{short}_speedup_e{left_out:g}"] = cut.speedup
    return metrics


def at_most(model: nn.Module, form: ConvForm, start: Start, speedup: float, step: float) -> Cut:
    """The cut of most energy, on a grid of e, whose speed-up is not above the given one."""
    best = decompose(model, form, start.image, left_out=0.0)
    for number in range(1, round(1 / step)):
        cut = decompose(model, form, start.image, left_out=number * step)
        if cut.speedup > speedup:
            return best
        best = cut
    return best


def _at_speedup(
    name: str, start: Start, model: nn.Module, form: ConvForm, speedup: float, task
) -> dict[str, float]:
    cut = at_most(model, form, start, speedup, task.energy_step)
    return {
        f"{name}_after": accuracy(cut.model, start.data.test),
        f"{name}_speedup": cut.speedup,
    }


def _at(metrics: dict[str, float], short: str, curve: list[float], speedup: float) -> float:
    """Accuracy of a one-shot curve at a speed-up, on the line between its two neighbours. It begins
    at the dense network; beyond its end it has the accuracy of its last point."""
    points = {1.0: metrics["accuracy_dense"]} | {
        metrics[f"{short}_speedup_e{e:g}"]: metrics[f"{short}_accuracy_e{e:g}"] for e in curve
    }
    at, values = zip(*sorted(points.items()), strict=True)
    return float(np.interp(speedup, at, values))


def _described(
    name: str, start: Start, model: nn.Module, form: ConvForm, cut: Cut, left_out: float
) -> dict[str, float]:
    after, layers = accuracy(cut.model, start.data.test), projected_layers(model)
    ratios = [
        project(layer.weight, form, 0.0).nuclear_over_frobenius() for layer in layers.values()
    ]
    return {
        f"{name}_after": after,
        f"{name}_speedup": cut.speedup,
        f"{name}_parameters": cut.parameters,
        f"{name}_kept_energy": cut.kept_energy,
        f"{name}_rank_sum": rank_sum(layers.values(), form, left_out),
        f"{name}_nuclear_over_frobenius": sum(ratios) / len(ratios),
    }


def _stability(name: str, pruner: RankPruner) -> dict[str, float]:
    seen = pruner.stability
    return {
        f"{name}_bound_held": seen.held,
        f"{name}_bound_broken": seen.broken,
        f"{name}_rank_rises": seen.rises,
    }
