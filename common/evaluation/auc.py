"""Area under the ROC curve, and whether two models' areas on the same rows differ.

The area is the share of pairs of a positive and a negative that are ranked right, ties counting
half. It is a mean over positives and over negatives of how each is placed among the others, from
which its variance follows, and that of a difference on the same rows (DeLong, DeLong and
Clarke-Pearson 1988); midranks make this n log n (Sun and Xu 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor

from common.errors import InvalidInputError
from common.evaluation.interval import Interval


def auc(scores: Float[Tensor, " n"], labels: Num[Tensor, " n"]) -> float:
    """Of one model.

    Args:
        scores: higher means more likely positive; probabilities and logits rank alike.
        labels: 1 for a positive, 0 for a negative.

    Raises:
        InvalidInputError: there is no positive or no negative, or a score is not a number.
    """
    return float(delong(scores[None], labels).areas[0])


@dataclass(frozen=True)
class Areas:
    """Areas of several models on the same rows.

    Attributes:
        areas: (models,), float64.
        covariance: (models, models), of the areas over draws of rows.
    """

    areas: Float64[Tensor, " models"]
    covariance: Float64[Tensor, "models models"]

    def interval(self, model: int, level: float = 0.95) -> Interval:
        """Of one model's area."""
        return _normal(float(self.areas[model]), float(self.covariance[model, model]), level)

    def difference(self, model: int, other: int, level: float = 0.95) -> Interval:
        """Of the first model's area minus the second's."""
        c = self.covariance
        variance = float(c[model, model] + c[other, other] - 2 * c[model, other])
        return _normal(float(self.areas[model] - self.areas[other]), variance, level)


def delong(scores: Float[Tensor, "models n"], labels: Num[Tensor, " n"]) -> Areas:
    """Areas and their covariance.

    Raises:
        InvalidInputError: there is no positive or no negative, or a score is not a number.
    """
    positive = labels > 0
    m, n = int(positive.sum()), int((~positive).sum())
    if scores.shape[-1] != len(labels):
        raise InvalidInputError(f"{scores.shape[-1]} scores for {len(labels)} labels.")
    if m == 0 or n == 0:
        raise InvalidInputError(f"{m} positives and {n} negatives; needed is one of each.")
    if torch.isnan(scores).any():
        raise InvalidInputError("A score is not a number.")
    of_positives, of_negatives = [], []
    for row in scores:
        ranks = midranks(row)
        # Rank among all minus rank among one's own is the number of the others below.
        of_positives.append((ranks[positive] - midranks(row[positive])) / n)
        of_negatives.append(1 - (ranks[~positive] - midranks(row[~positive])) / m)
    right_positive, right_negative = torch.stack(of_positives), torch.stack(of_negatives)
    covariance = _covariance(right_positive) / m + _covariance(right_negative) / n
    return Areas(right_positive.mean(1), covariance)


def midranks(values: Num[Tensor, " n"]) -> Float64[Tensor, " n"]:
    """Places from 1 on in ascending order; equal values share the mean of theirs."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1).double() / 2)[inverse]


def _covariance(rows: Float64[Tensor, "models k"]) -> Float64[Tensor, "models models"]:
    """Over columns; a single one tells nothing of the spread."""
    if rows.shape[1] < 2:
        return rows.new_full((len(rows), len(rows)), float("inf"))
    centred = rows - rows.mean(1, keepdim=True)
    return centred @ centred.mT / (rows.shape[1] - 1)


def _normal(value: float, variance: float, level: float) -> Interval:
    if not 0 < level < 1:
        raise InvalidInputError(f"level={level}; allowed: above 0 and below 1.")
    reach = NormalDist().inv_cdf((1 + level) / 2) * max(variance, 0.0) ** 0.5
    return Interval(value, value - reach, value + reach)
