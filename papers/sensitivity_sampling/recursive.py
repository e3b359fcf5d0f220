"""Sampling in rounds: halving after flattening (T 7.4.4), root leverage scores anew in each round
(T 8.0.2), and leverage scores with sensitivities after flattening."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.leverage import leverage_scores
from common.sketching.rows import toss
from papers.sensitivity_sampling.flattening import flatten
from papers.sensitivity_sampling.models import Sample, Scores, drawn


def halved(
    matrix: Float[Tensor, "n d"],
    p: float,
    rows: int,
    rng: np.random.Generator,
    *,
    factor: float = 4.0,
) -> Sample:
    """Flatten, then keep each row with probability 1/2 and twice the weight, until a further round
    would leave fewer than ``rows``.

    Sensitivities are those of what is left. The errors of the rounds grow geometrically, so that
    the last dominates.

    Args:
        matrix: A, float64.
        rows: wanted; the result has about that to twice as many.
        factor: C of the flattening, above 1.
    """
    if rows < 1 or not factor > 1:
        raise InvalidInputError(f"rows={rows}, factor={factor}; allowed: 1 or more, above 1.")
    now = _all(matrix)
    while True:
        scores = Scores.of(now.rows(matrix, p), p).by("sensitivity")
        flat = _after(now, flatten(scores, factor))
        if len(flat.index) < 2 * rows:
            return now
        half = toss(torch.full_like(flat.weights, 0.5), rng)
        smaller = _after(flat, Sample(half.index, half.weights))
        if len(smaller.index) >= len(now.index):
            return now
        now = smaller


def root_leverage(
    matrix: Float[Tensor, "n d"], p: float, alpha: float, rng: np.random.Generator
) -> Iterator[tuple[Sample, float]]:
    """Round after round: q_i = min(1, 1/n' + tau_i^{p/2} / alpha), tau of the n' rows that are
    left, scaled. The sizes converge to d alpha^{-2/p}.

    Args:
        matrix: A, float64.
        p: from 1 to below 2.
        alpha: the same in all rounds, above 0.

    Yields:
        The sample, and sum_i tau_i^{p/2} over its bound n'^{1-p/2} d^{p/2} before the round.
    """
    if not 1 <= p < 2 or not alpha > 0:
        raise InvalidInputError(f"p={p}, alpha={alpha}; allowed: 1 to below 2, above 0.")
    now = _all(matrix)
    while True:
        tau = leverage_scores(now.rows(matrix, p))
        n, d = len(tau), float(tau.sum())
        roots = tau ** (p / 2)
        filled = float(roots.sum()) / (n ** (1 - p / 2) * d ** (p / 2))
        kept = toss((1 / n + roots / alpha).clamp(max=1), rng)
        now = _after(now, Sample(kept.index, kept.weights))
        yield now, filled


def root_leverage_above_two(
    matrix: Float[Tensor, "n d"], p: float, alpha: float, rng: np.random.Generator
) -> Iterator[Sample]:
    """The same for p > 2, of a later paper: q_i = min(1, 1/n' + n'^{p/2-1} tau_i^{p/2} / alpha).
    Where the tau are all alike, a round leaves d^{p/2} / alpha rows."""
    if not p > 2 or not alpha > 0:
        raise InvalidInputError(f"p={p}, alpha={alpha}; allowed: above 2, above 0.")
    now = _all(matrix)
    while True:
        tau = leverage_scores(now.rows(matrix, p))
        n = len(tau)
        kept = toss((1 / n + n ** (p / 2 - 1) * tau ** (p / 2) / alpha).clamp(max=1), rng)
        now = _after(now, Sample(kept.index, kept.weights))
        yield now


def flattened(
    matrix: Float[Tensor, "n d"],
    p: float,
    expected: float,
    rng: np.random.Generator,
    *,
    scores: Float[Tensor, " n"],
    leverage: bool = True,
    factor: float = 4.0,
) -> Sample:
    """Flatten, then coins by 1/n' + tau_i / d + s_i / S of the split rows, or by s_i alone.

    The abstract's d^{2/p} S^{2-4/p} for p > 2 needs both, after rows were reduced to S^{2-2/p}. The
    recipe is ours; only the bound could be seen.

    Args:
        scores: s.
        leverage: with tau / d, or without.
    """
    flat = flatten(scores, factor)
    s = scores[flat.index] * flat.weights
    if leverage:
        tau = leverage_scores(flat.rows(matrix, p))
        by = 1 / len(s) + tau / tau.sum() + s / s.sum()
    else:
        by = s
    return _after(flat, drawn(by, expected, rng))


def _all(matrix: Float[Tensor, "n d"]) -> Sample:
    return Sample(torch.arange(len(matrix), device=matrix.device), torch.ones_like(matrix[:, 0]))


def _after(first: Sample, second: Sample) -> Sample:
    """The second of the rows of the first."""
    return Sample(first.index[second.index], first.weights[second.index] * second.weights)
