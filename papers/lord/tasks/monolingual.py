"""L10: the features of one language lie in fewer dimensions than those of two."""

from __future__ import annotations

from omegaconf import OmegaConf

from common.compression.capture import output_moments
from common.compression.features import FeatureBasis
from common.compression.language_models import packed, trained_lm
from common.compression.ranks import by_energy
from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.lord.models import linear_layers
from papers.lord.sensitivity import averages, kind_of


def run(context: RunContext) -> TaskResult:
    """Mean rank that keeps 99 % of the features' energy, of each type of layer: on Python, on as
    many tokens of which half are JavaScript, and on JavaScript."""
    config = context.config
    task, start = config.task, trained_lm(context)
    other = load(OmegaConf.to_object(task.other), context.data)
    if other.tokenizer != start.corpus.tokenizer:
        raise InvalidInputError("task.other has other tokens than task.dataset.")
    settings = {"seed": config.seed, "device": start.device}
    python = start.corpus.train
    count, length = task.calibration_tokens, start.context
    half = count // 2 // length * length
    mixed = [
        *packed(python, length, count - half, **settings),
        *packed(other.train, length, half, **settings),
    ]
    sets = {
        "python": packed(python, length, count, **settings),
        "mixed": mixed,
        "javascript": packed(other.train, length, count, **settings),
    }
    targets = linear_layers(start.model)
    metrics: dict[str, float] = {}
    every = {}
    for name, batches in sets.items():
        context.stop.raise_if_set()
        found = output_moments(start.model, targets, batches)
        ranks = {
            layer: by_energy(FeatureBasis.of(moments).values.sqrt(), task.left_out)
            for layer, moments in found.items()
        }
        every[name] = ranks
        metrics |= {f"{name}_{kind}": mean for kind, mean in averages(ranks, kind_of).items()}
        metrics[f"{name}_tokens"] = float(sum(batch.numel() for batch in batches))
    return TaskResult(
        metrics | start.gate,
        [*start.entries, data_entry(other)],
        start.notes,
        {"ranks": every},
    )
