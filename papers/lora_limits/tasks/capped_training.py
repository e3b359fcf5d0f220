"""E11: with the scores capped, training by fast gradients follows training by exact ones."""

from __future__ import annotations

import math

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.lora_limits.polynomials import taylor
from papers.lora_limits.training import Trace, lesson, student, train


def run(context: RunContext) -> TaskResult:
    """Final exact losses, cosines of the gradients, and where an uncapped training breaks."""
    task, seed, on = context.config.task, context.config.seed, device(context.config.trainer)
    of = lesson(task.length, task.width, task.rank, task.gamma, seed, on)
    fast = taylor(task.degree, task.cap)
    traces = {}
    for name, cap in (("capped", task.cap), ("uncapped", None)):
        for method, polynomial in (("exact", None), ("fast", fast)):
            traces[f"{name}_{method}"] = train(
                student(of, task.rank, seed, polynomial),
                of,
                steps=task.steps,
                lr=task.lr,
                cap=cap,
                between=context.stop.raise_if_set,
            )
    metrics = {"steps": float(task.steps), "first_loss": traces["capped_exact"].losses[0]}
    for name, trace in traces.items():
        metrics |= {f"{name}_{figure}": value for figure, value in figures(trace).items()}
    capped = (metrics[f"capped_{method}_loss"] for method in ("fast", "exact"))
    fast_loss, exact_loss = capped
    metrics["capped_gap"] = abs(fast_loss / exact_loss - 1)
    metrics["cost_of_the_cap"] = exact_loss / metrics["uncapped_exact_loss"]
    curves = {f"{name}_radius": trace.radii for name, trace in traces.items()}
    curves |= {f"{name}_loss": trace.losses for name, trace in traces.items()}
    return TaskResult(metrics, curves=curves)


def figures(trace: Trace) -> dict[str, float]:
    """Of one training; one that never breaks is said to break after its last step."""
    broke = trace.broke()
    at = len(trace.radii) - 1 if broke is None else broke
    finite = [loss for loss in trace.losses if math.isfinite(loss)]
    return {
        "loss": finite[-1],
        "min_cosine": min(trace.cosines),
        "max_radius": max(r for r in trace.radii if math.isfinite(r)),
        "break_step": float(at),
        "break_radius": trace.radii[at],
        "caps": float(trace.caps),
        # How far the loss moves between the last steps, relative: the cap shrinks in steps of 2 %.
        "late_spread": max(finite[-10:]) / min(finite[-10:]) - 1,
        "taken": float(len(trace.cosines)),
    }
