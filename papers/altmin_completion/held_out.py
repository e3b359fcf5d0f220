"""Entries that were kept back, told by biases and by completing what biases leave."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

from papers.altmin_completion.biases import Biases
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Exact


def predictions(
    train: Observed,
    test: Observed,
    *,
    rank: int,
    rounds: int,
    ridge: float,
    bias_ridge: float,
    sweeps: int,
) -> Iterator[tuple[str, Float[Tensor, " test"]]]:
    """By name, at the places of ``test``, whose values are not looked at: ``mean``; ``biases`` of
    rows and columns; what these leave completed by ``exact`` half rounds and by ``cg2``, two warm
    steps; and ``plain_exact``, of what the mean alone leaves.

    Args:
        ridge: on every row's problem, a fraction of full observation.
        bias_ridge: of ``Biases.fit``, as ``sweeps``.
    """
    mean = train.values.mean()
    yield "mean", mean.expand_as(test.values)
    biases = Biases.fit(train, bias_ridge, sweeps)
    known, wanted = (biases.at(part.rows, part.columns) for part in (train, test))
    yield "biases", wanted
    for name, rest, base, solver in (
        ("exact", train.values - known, wanted, Exact(ridge=ridge)),
        ("cg2", train.values - known, wanted, ConjugateGradient(2, ridge=ridge)),
        ("plain_exact", train.values - mean, mean, Exact(ridge=ridge)),
    ):
        residuals = Observed(train.shape, train.rows, train.columns, rest)
        start = spectral_start(residuals, rank, math.inf)
        found = alternate(residuals, start, rounds, solver)
        yield name, base + (found.left[test.rows] * found.right[test.columns]).sum(-1)


def root_mean_square(errors: Tensor) -> float:
    """Of all entries."""
    return float(errors.square().mean().sqrt())
