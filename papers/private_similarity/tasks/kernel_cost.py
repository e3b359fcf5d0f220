"""C8: a reduction of the dimension before random features, its error and its time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.simulation import NoNoise
from papers.private_similarity.tasks.vectors import Vectors, vectors


def run(context: RunContext) -> TaskResult:
    """Mean |error| over queries and draws, no noise, features with a phase: ``direct`` and
    ``reduced_*`` by kind of projection, ``reduced_over_direct``; ``direct_paired`` and
    ``reduced_paired``, as many pairs; ``speedup_b*`` of the dense projection over direct
    features, by size of the batch, and ``speedup_hadamard_b*``; one thread."""
    task = context.config.task
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = vectors(context, task.points, task.queries)
        metrics = errors(context, data)
        metrics["reduced_over_direct"] = metrics["reduced_gaussian"] / metrics["direct"]
        return TaskResult(metrics | times(context, data), [data.entry])
    finally:
        torch.set_num_threads(before)


def feature_map(
    context: RunContext, data: Vectors, kind: str | None, draw: int, paired: bool = False
) -> FeatureMap:
    """Direct where there is no kind."""
    task = context.config.task
    return FeatureMap.draw(
        data.x.shape[1],
        task.features,
        bandwidth=data.bandwidth,
        projected=task.kept if kind else None,
        reduction=kind or "gaussian",
        paired=paired,
        seed=[context.config.seed, draw],
    )


def errors(context: RunContext, data: Vectors) -> dict[str, float]:
    """Against the average of all pairs."""
    task = context.config.task
    exact = exact_average(data.x, data.y, "gaussian", data.bandwidth)
    ways: dict[str, tuple[str | None, bool]] = {
        "direct": (None, False),
        "direct_paired": (None, True),
        "reduced_paired": ("gaussian", True),
    } | {f"reduced_{kind}": (kind, False) for kind in task.kinds}
    found: dict[str, list[float]] = {}
    for draw in context.track(range(task.draws), "draws"):
        for name, (kind, paired) in ways.items():
            drawn = feature_map(context, data, kind, draw, paired)
            released = KernelSums.release(data.x, NoNoise(), drawn)
            off = (released.query(data.y).double() - exact).abs().mean()
            found.setdefault(name, []).append(float(off))
    return {name: float(np.mean(values)) for name, values in found.items()}


def times(context: RunContext, data: Vectors) -> dict[str, float]:
    """Of queries, interleaved."""
    task, found = context.config.task, {}
    ways = {"direct": None, "gaussian": "gaussian", "hadamard": "hadamard"}
    structures = {
        name: KernelSums.release(data.x[:100], NoNoise(), feature_map(context, data, kind, 0))
        for name, kind in ways.items()
    }
    for batch in task.batches:
        y = data.y.repeat(-(-batch // len(data.y)), 1)[:batch]
        seconds = interleaved(
            {name: partial(one.query, y) for name, one in structures.items()}, task.repeats
        )
        found[f"speedup_b{batch}"] = seconds["direct"] / seconds["gaussian"]
        found[f"speedup_hadamard_b{batch}"] = seconds["direct"] / seconds["hadamard"]
        context.stop.raise_if_set()
    return found


def interleaved(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each, in turn; of two calls in a row the second counts, for the first finds
    the cache full of what the other way left. The first round does not count."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            way()
            begun = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values[1:]) for name, values in taken.items()}
