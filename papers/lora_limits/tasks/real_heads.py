"""E8 and E9 on MiniLM: how large scores of trained heads are, and which degree they ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import torch
from omegaconf import OmegaConf
from torch import Tensor

from common.data.catalogue import load
from common.data.minilm import MiniLM
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.polynomials import smallest_degree
from papers.lora_limits.real_heads import heads

OPENING, CLOSING = 101, 102  # [CLS], [SEP]


def run(context: RunContext) -> TaskResult:
    """R, Gamma, degree and log10 k1 over all heads and windows; R with adapters of the queries."""
    task, on = context.config.task, device(context.config.trainer)
    if task.windows < 1 or task.length < 3:
        raise InvalidInputError(
            f"task.windows={task.windows} and task.length={task.length}; allowed: 1 or more, and 3 "
            "or more."
        )
    glosses = load(OmegaConf.to_object(task.dataset), context.data)
    encoder: MiniLM = load(OmegaConf.to_object(task.weights), context.data)
    windows = gloss_windows(encoder, glosses.glosses, task.windows, task.length).to(on)
    generator = torch.Generator().manual_seed(context.config.seed)
    found: dict[str, list[float]] = {}
    for head in context.track(heads(encoder.model(on), windows), "heads"):
        scores = head.queries @ head.keys.mT
        radius = score_radius(head.queries, head.keys)
        figures = {
            "radius": radius,
            "largest_score": float(scores.abs().max()),
            "centred_radius": score_radius(head.queries, head.centred_keys),
            "gamma_query": float(head.queries.abs().max()) / head.beta,
            "gamma_key": float(head.keys.abs().max()),
        }
        for name in ("radius", "largest_score", "centred_radius"):
            degree, features = needed(figures[name], task.eta, head.keys.shape[1])
            figures |= {f"degree_for_{name}": degree, f"log10_features_for_{name}": features}
        for growth in task.growths:
            queries = head.adapted(task.rank, growth / 100, generator)
            adapted = score_radius(queries, head.keys)
            figures[f"radius_k{growth}"] = adapted
            figures[f"degree_k{growth}"] = needed(adapted, task.eta, head.keys.shape[1])[0]
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return TaskResult(
        summary(found, task.max_features),
        [data_entry(glosses), data_entry(encoder)],
    )


def needed(radius: float, eta: float, variables: int) -> tuple[float, float]:
    """Least Taylor degree and log10 of the number of monomials."""
    degree = smallest_degree("taylor", radius, eta)
    return float(degree), math.log10(monomial_count(variables, degree))


def summary(found: dict[str, list[float]], max_features: int) -> dict[str, float]:
    """Least, median and largest of each figure, and the share of heads that could be fast."""
    metrics = {"instances": float(len(found["radius"]))}
    for name, values in found.items():
        metrics |= {
            f"{name}_min": min(values),
            f"{name}_median": median(values),
            f"{name}_max": max(values),
        }
    limit = math.log10(max_features)
    for name in ("radius", "largest_score", "centred_radius"):
        counts = found[f"log10_features_for_{name}"]
        metrics[f"share_within_{name}"] = 100 * sum(c <= limit for c in counts) / len(counts)
    return metrics


def gloss_windows(encoder: MiniLM, glosses: Sequence[str], count: int, length: int) -> Tensor:
    """Glosses from all over the dictionary, one after the other, cut into windows.

    Raises:
        InvalidInputError: there are not enough of them.
    """
    inside = count * (length - 2)
    # A gloss has at least one token; spread over the dictionary, which is in the order of topics.
    every = max(1, len(glosses) // inside)
    pieces = encoder.word_pieces(" ".join(glosses[::every]))[:inside]
    if len(pieces) < inside:
        raise InvalidInputError(
            f"The glosses make {len(pieces)} tokens; {count} windows of {length} take {inside}. "
            "Take fewer."
        )
    rows = pieces.reshape(count, length - 2)
    ends = [torch.full((count, 1), token) for token in (OPENING, CLOSING)]
    return torch.cat([ends[0], rows, ends[1]], 1)
