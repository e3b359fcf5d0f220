"""One method on one set: adapt the blocks, train them and the head, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.evaluation.classification import accuracy, f1, matthews
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning.baselines import BASELINES, Adapt, Choice
from common.fine_tuning.memory import step_bytes
from common.fine_tuning.subject import Subject, subject
from common.fine_tuning.training import Recipe, mean_loss, order, predict, train

Measure = Callable[[nn.Module, nn.Module, Choice], dict[str, float]]


def run(
    context: RunContext, own: Mapping[str, Adapt], measure: Measure | None = None
) -> TaskResult:
    """Fine-tune with ``task.method``.

    ``score``: the published metric of the set on its judged rows, as ``held_out_score`` on rows
    apart and ``probe_score`` before any training; ``numbers``: trained besides the head's;
    ``start_difference``: what the method alone changes in a logit, before the first step;
    ``early_loss`` and ``late_loss``: of steps 20 to 40 and of the last fifth.

    Args:
        own: the paper's methods by name, beside those of `baselines.BASELINES`.
        measure: further metrics, of the blocks as they were and as they are trained.
    """
    methods = {**BASELINES, **own}
    task, seed = context.config.task, context.config.seed
    if task.method not in methods:
        raise InvalidInputError(
            f"task.method={task.method!r}; allowed: {', '.join(sorted(methods))}."
        )
    start = subject(context)
    data = start.outputs
    torch.manual_seed(seed)
    choice = Choice(task.targets, task.rank, task.alpha, seed)
    model = start.classifier(methods[task.method](start.copy_of_blocks(), choice))
    recipe = Recipe(
        steps=task.steps,
        batch_size=task.batch_size,
        lr=task.lr,
        head_lr=task.head_lr,
        weight_decay=task.weight_decay,
        seed=seed,
    )
    trained = [p for p in model.parameters() if p.requires_grad]
    head = sum(p.numel() for p in model.head.parameters())
    bytes_of = step_bytes(model, data.train, order(len(data.train), recipe)[0])
    moved = start_difference(start, model)
    losses = train(model, model.head, data.train, recipe, between=context.stop.raise_if_set)
    probe = data.probe.logits(data.dev_features)
    held_out = scores(start.metric, predict(model, data.held_out), data.held_out.labels)
    metrics = {
        **scores(start.metric, predict(model, data.dev), data.dev.labels),
        "probe_score": scores(start.metric, probe, data.dev.labels)["score"],
        "held_out_score": held_out["score"],
        "numbers": sum(p.numel() for p in trained) - head,
        "numbers_with_head": sum(p.numel() for p in trained),
        "early_loss": mean_loss(losses, min(20, len(losses) - 1), 40),
        "late_loss": mean_loss(losses, len(losses) * 4 // 5, len(losses)),
        "start_difference": moved,
        "steps": len(losses),
        **{name: float(value) for name, value in bytes_of.items()},
    }
    metrics["gain"] = metrics["score"] - metrics["probe_score"]
    if measure is not None:
        metrics |= measure(start.blocks, model.blocks, choice)
    curve = [mean_loss(losses, i, i + 10) for i in range(0, len(losses), 10)]
    return TaskResult(metrics, start.entries, curves={"loss": curve})


def start_difference(start: Subject, model: nn.Module, rows: int = 64) -> float:
    """Largest difference of a logit from those of the probe, on the first held-out rows."""
    chosen = torch.arange(min(rows, len(start.outputs.held_out)))
    hidden, mask, _ = start.outputs.held_out.batch(chosen)
    reference = start.classifier(start.copy_of_blocks()).eval()
    with torch.no_grad():
        return float((model.eval()(hidden, mask) - reference(hidden, mask)).abs().max())


def scores(metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """``score``, the metric that is published for the set, and what it is made of, per cent."""
    predicted = logits.argmax(1)
    found = {"accuracy": accuracy(predicted, labels)}
    if metric == "matthews":
        return found | {"score": matthews(predicted, labels)}
    if metric == "f1_accuracy":
        found["f1"] = f1(predicted, labels)
        return found | {"score": (found["accuracy"] + found["f1"]) / 2}
    return found | {"score": found["accuracy"]}
