"""L3: how far each layer's rank can fall while the perplexity rises by no more than 1, 5, 10 %."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from common.compression.language_models import trained_lm
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.lord.models import Decomposition, decompositions, linear_layers
from papers.lord.sensitivity import (
    FromBlock,
    averages,
    block_of,
    by_kind,
    confirmed,
    kind_of,
    smallest_ranks,
)

UNITS = ("layer", "kind")


def run(context: RunContext) -> TaskResult:
    """Cuts in per cent of the largest rank, of each layer (or of all layers of a type together);
    those of the first bound hold on the larger set of tokens too."""
    task = context.config.task
    if task.unit not in UNITS:
        raise InvalidInputError(f"task.unit={task.unit!r}; allowed: {', '.join(UNITS)}.")
    if not task.bounds or min(task.bounds) < 0 or task.grid < 1:
        raise InvalidInputError(
            f"task.bounds={list(task.bounds)}, task.grid={task.grid}; allowed: one bound or more, "
            "at least 0, and a grid of 1 or more."
        )
    start = trained_lm(context)
    targets = linear_layers(start.model)
    batches = start.calibration(task.calibration_tokens, context.config.seed)
    parts = decompositions(start.model, targets, batches, task.method)
    few = FromBlock(start.model, start.corpus.val, task.search_tokens, start.context)
    many = FromBlock(start.model, start.corpus.val, task.judged_tokens, start.context)
    by_layer = {name: [name] for name in targets}
    units = by_layer if task.unit == "layer" else by_kind(targets)
    cuts: dict[float, dict[str, float]] = {bound: {} for bound in task.bounds}
    increases: dict[str, float] = {}
    first = task.bounds[0]
    for unit in context.track(units, "layers"):
        most = min(min(targets[name].weight.shape) for name in units[unit])

        def searched(rank: int, unit: str = unit) -> float:
            context.stop.raise_if_set()
            return few.increase(at_rank(parts, units[unit], rank))

        def judged(rank: int, unit: str = unit) -> float:
            return many.increase(at_rank(parts, units[unit], rank))

        found = smallest_ranks(searched, most, task.grid, task.bounds)
        kept, increases[unit] = confirmed(found[first], judged, task.grid, first)
        found[first] = kept
        for bound in task.bounds:
            cuts[bound][unit] = found[bound].cut
    metrics = {"perplexity_search": few.intact, "perplexity_judged": many.intact}
    for bound in task.bounds:
        metrics |= summary(f"cut_{bound:g}", cuts[bound], task.unit == "layer")
    return TaskResult(
        metrics | start.gate,
        start.entries,
        start.notes,
        {"cuts": {f"{b:g}": c for b, c in cuts.items()}, "increase": increases},
    )


def at_rank(
    parts: Mapping[str, Decomposition], names: Sequence[str], rank: int
) -> dict[str, nn.Module]:
    """These layers at one rank."""
    return {name: parts[name].at(rank) for name in names}


def summary(name: str, cuts: Mapping[str, float], of_layers: bool) -> dict[str, float]:
    """Largest, mean and smallest; of layers the means of each type and depth, else each itself."""
    values = list(cuts.values())
    found = {
        f"{name}_max": max(values),
        f"{name}_mean": sum(values) / len(values),
        f"{name}_min": min(values),
    }
    if not of_layers:
        return found | {f"{name}_{unit}": cut for unit, cut in cuts.items()}
    ways: list[tuple[str, Callable[[str], object]]] = [("", kind_of), ("block_", block_of)]
    for prefix, by in ways:
        found |= {f"{name}_{prefix}{key}": cut for key, cut in averages(cuts, by).items()}
    return found
