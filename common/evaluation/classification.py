"""Figures of a classification: those that GLUE reports."""

from __future__ import annotations

import math

from jaxtyping import Int64
from torch import Tensor


def accuracy(predicted: Int64[Tensor, " n"], labels: Int64[Tensor, " n"]) -> float:
    """Part of the predictions that are right, per cent."""
    return 100 * (predicted == labels).double().mean().item()


def f1(predicted: Int64[Tensor, " n"], labels: Int64[Tensor, " n"]) -> float:
    """Of class 1, per cent: harmonic mean of precision and recall; 0 where nothing is right."""
    hits = int(((predicted == 1) & (labels == 1)).sum())
    wrong = int(((predicted == 1) ^ (labels == 1)).sum())
    return 100 * 2 * hits / (2 * hits + wrong) if hits else 0.0


def matthews(predicted: Int64[Tensor, " n"], labels: Int64[Tensor, " n"]) -> float:
    """Matthews' correlation of two classes, times 100; 0 where one class is never predicted."""
    cells = [int(((predicted == p) & (labels == t)).sum()) for p in (1, 0) for t in (1, 0)]
    both, false_positive, false_negative, neither = cells
    sides = (
        (both + false_positive)
        * (both + false_negative)
        * (neither + false_positive)
        * (neither + false_negative)
    )
    if not sides:
        return 0.0
    return 100 * (both * neither - false_positive * false_negative) / math.sqrt(sides)
