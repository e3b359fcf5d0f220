"""Sampling in rounds: halving after flattening (T 7.4.4), root leverage scores anew in each round
(T 8.0.2), and leverage scores with sensitivities after flattening."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.row_space import range_basis
from common.sketching.rows import Sample, drawn, toss
from papers.sensitivity_sampling import laws
from papers.sensitivity_sampling.flattening import flatten
from papers.sensitivity_sampling.models import Scores

# From this many times the wanted rows on a round halves; below, the last one takes what is left.
_LAST = 3


def halved(
    matrix: Float[Tensor, "n d"],
    p: float,
    rows: float,
    rng: np.random.Generator,
    *,
    budget: float = math.inf,
    factor: float = 4.0,
) -> Sample:
    """Flatten, then keep each row with probability 1/2 and twice the weight, while three times the
    wanted rows are there; the last round's probability is such that ``rows`` are expected.

    Sensitivities are those of what is left. A round from n rows errs by about p S^{1-1/p} / sqrt(n)
    (constants and logarithms are open): a geometric series, so that the last dominates.

    Args:
        matrix: A, float64.
        p: 1 or more.
        rows: expected, at least A's rank.
        budget: a round that would take the sum of these errors above it is not begun; more rows
            are left then.
        factor: C of the flattening, above 1.

    Raises:
        InvalidInputError: A is zero or not finite floats, or a number is out of range.
    """
    rank = Scores.of(matrix, p).rank
    if not rank <= rows < math.inf or not factor > 1 or not budget > 0:
        raise InvalidInputError(
            f"rows={rows}, factor={factor}, budget={budget}; allowed: the rank, {rank}, or more; "
            f"above 1; above 0."
        )
    now = Sample.all_of(matrix)
    spent = 0.0
    while len(now.index) > rows:
        scores = Scores.of(now.rows(matrix, p), p).by("sensitivity")
        flat = now.then(flatten(scores, factor))
        n = len(flat.index)
        spent += laws.halving_error(float(scores.sum()), n, p)
        if spent > budget:
            break
        last = n < _LAST * rows
        share = rows / n if last else 0.5
        now = flat.then(toss(torch.full_like(flat.weights, share), rng))
        if last:
            break
    return now


def root_leverage(
    matrix: Float[Tensor, "n d"], p: float, alpha: float, rng: np.random.Generator
) -> Iterator[tuple[Sample, float]]:
    """Round after round: q_i = min(1, 1/n' + n'^{max(0, p/2-1)} tau_i^{p/2} / alpha), tau of the n'
    rows that are left, scaled; above p = 2 the extension of a later paper. Sizes converge to
    ``laws.root_leverage_fixed_point`` or less.

    Args:
        matrix: A, float64.
        p: 1 or more.
        alpha: the same in all rounds, above 0.

    Yields:
        The sample, and before the round sum_i min(1, n'^{max(0, p/2-1)} tau_i^{p/2}) over its
        bound, ``laws.root_leverage_sum``.

    Raises:
        InvalidInputError: p or alpha is out of range, or fewer rows than A's rank are left.
    """
    if not 1 <= p < math.inf or not 0 < alpha < math.inf:
        raise InvalidInputError(f"p={p}, alpha={alpha}; allowed: 1 or more, above 0.")
    now = Sample.all_of(matrix)
    rank = None
    while True:
        basis = range_basis(now.rows(matrix, p))
        n, d = basis.shape
        rank = d if rank is None else rank
        roots = n ** max(0.0, p / 2 - 1) * basis.square().sum(1) ** (p / 2)
        filled = float(roots.clamp(max=1).sum()) / laws.root_leverage_sum(n, d, p)
        now = now.then(toss((1 / n + roots / alpha).clamp(max=1), rng))
        if len(now.index) < rank:
            raise InvalidInputError(
                f"alpha={alpha} leaves {len(now.index)} rows of {rank} independent columns; "
                f"choose less."
            )
        yield now, filled


def root_leverage_halved(
    matrix: Float[Tensor, "n d"], p: float, rows: float, rng: np.random.Generator
) -> Sample:
    """Root leverage scores anew in every round, for an expected number of rows: each keeps half of
    what is left, the last what is wanted.

    Args:
        matrix: A, float64.
        p: 1 or more.
        rows: expected, at least A's rank, and above 1.

    Raises:
        InvalidInputError: A is zero or not finite floats, or the number is out of range.
    """
    rank = Scores.of(matrix, p).rank
    if not rank <= rows < math.inf:
        raise InvalidInputError(f"rows={rows}; allowed: the rank, {rank}, or more.")
    now = Sample.all_of(matrix)
    while len(now.index) > rows:
        n = len(now.index)
        scores = Scores.of(now.rows(matrix, p), p).by("root_leverage")
        last = n < _LAST * rows
        now = now.then(drawn(scores, rows if last else min(n / 2, int((scores > 0).sum())), rng))
        if last:
            break
    return now


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

    The abstract's d^{2/p} S^{2-4/p} for p > 2 needs both, after rows were reduced to S^{2-2/p};
    that reduction is left out. The recipe is ours; only the bound could be seen.

    Args:
        scores: s.
        leverage: with tau / d, or without.
    """
    flat = flatten(scores, factor)
    s = scores[flat.index] * flat.weights
    if leverage:
        tau = range_basis(flat.rows(matrix, p)).square().sum(1)
        by = 1 / len(s) + tau / tau.sum() + s / s.sum()
    else:
        by = s
    return flat.then(drawn(by, expected, rng))
