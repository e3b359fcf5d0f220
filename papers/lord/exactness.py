"""L1 for many layers at once: measured error against tail sum, and AFM against other maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from common.compression.capture import Keep, input_moments, output_moments
from common.compression.output_error import output_errors
from common.compression.ranks import by_fraction
from papers.lord.models import AtomicFeatures
from papers.lord.optimality import worst_margin


def tail_identity(
    model: nn.Module,
    targets: Mapping[str, nn.Linear],
    batches: Iterable[Any],
    fractions: Iterable[float],
    competitors: int,
    keep: Keep | None = None,
) -> dict[str, float]:
    """Metrics over all layers and ranks, on the calibration set itself.

    Args:
        model: in float64, in which the identity is exact to rounding.
        targets: its layers.
        batches: the calibration set.
        fractions: of the largest rank.
        competitors: of each layer, at the middle one of the ranks.
        keep: see ``capture.output_moments``.

    Returns:
        ``tail_error``: largest relative distance of the measured mean squared error from the tail
        sum of eigenvalues; ``competitors``: how many were tried; ``beaten``: how many of them are
        worse than AFM; ``closest_competitor``: smallest error of one over that of AFM.
    """
    batches = list(batches)
    found = output_moments(model, targets, batches, keep)
    inputs = input_moments(model, targets, batches, keep)
    parts = {name: AtomicFeatures(layer, found[name]) for name, layer in targets.items()}
    ranks = {
        name: sorted({by_fraction(f, min(layer.weight.shape)) for f in fractions})
        for name, layer in targets.items()
    }
    replacements = {
        name: {str(rank): part.at(rank) for rank in ranks[name]} for name, part in parts.items()
    }
    errors = output_errors(model, replacements, batches, keep)
    generator = torch.Generator().manual_seed(0)
    distance, tried, beaten, closest = 0.0, 0, 0, float("inf")
    for name, part in parts.items():
        for rank in ranks[name]:
            distance = max(distance, abs(errors[name][str(rank)] / part.basis.error(rank) - 1))
        worse, margin = worst_margin(
            part.basis,
            part.layer.weight.detach(),
            inputs[name].covariance,
            ranks[name][len(ranks[name]) // 2],
            competitors,
            generator,
        )
        tried, beaten, closest = tried + competitors, beaten + worse, min(closest, margin)
    return {
        "tail_error": distance,
        "competitors": float(tried),
        "beaten": float(beaten),
        "closest_competitor": closest,
    }
