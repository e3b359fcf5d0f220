"""L2: the outputs of every layer at a rank, in the basis of its features and of its weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from torch import nn

from common.compression.capture import Keep
from common.compression.moments import Moments
from common.compression.output_error import output_errors
from common.compression.ranks import by_fraction
from papers.lord.models import AFM, METHODS, SVD, UNCENTRED, of_moments


def compared(
    model: nn.Module,
    targets: Mapping[str, nn.Linear],
    moments: Mapping[str, Moments],
    judged: Iterable[Any],
    fractions: Iterable[float],
    *,
    keep: Keep | None = None,
    uncentred: bool = False,
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Metrics over the layers, and each layer's ratio of AFM's error to that of the weight's SVD.

    Args:
        model: the intact model.
        targets: its layers.
        moments: of their outputs on the calibration set.
        judged: inputs of other files.
        fractions: of the largest rank.
        keep: see ``capture.output_moments``.
        uncentred: compare with AFM without its mean as well.

    Returns:
        For each per cent p of the rank ``wins_p``, per cent of the layers in which AFM's mean
        squared error is the smaller; ``ratio_p``, the median of its error over the other's;
        ``uncentred_ratio_p``, the same of AFM without its mean over AFM.
    """
    fractions = list(fractions)
    methods = METHODS if uncentred else (AFM, SVD)
    parts = {method: of_moments(targets, moments, method) for method in methods}
    replacements = {
        name: {
            f"{method}_{fraction:g}": parts[method][name].at(
                by_fraction(fraction, min(layer.weight.shape))
            )
            for method in methods
            for fraction in fractions
        }
        for name, layer in targets.items()
    }
    errors = output_errors(model, replacements, judged, keep)
    metrics: dict[str, float] = {"layers": float(len(targets))}
    ratios: dict[str, dict[str, float]] = {}
    for fraction in fractions:
        percent = f"{100 * fraction:g}"

        def of(name: str, method: str, fraction: float = fraction) -> float:
            return errors[name][f"{method}_{fraction:g}"]

        ratios[percent] = {name: of(name, AFM) / of(name, SVD) for name in targets}
        wins = sum(ratio < 1 for ratio in ratios[percent].values())
        metrics[f"wins_{percent}"] = 100 * wins / len(targets)
        metrics[f"ratio_{percent}"] = median(ratios[percent].values())
        if uncentred:
            metrics[f"uncentred_ratio_{percent}"] = median(
                of(name, UNCENTRED) / of(name, AFM) for name in targets
            )
    return metrics, ratios
