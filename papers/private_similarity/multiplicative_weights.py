"""Private multiplicative weights on a line: the prior way to answer many queries."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array
from papers.private_similarity.line_peers import FlatSums
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import rows
from papers.private_similarity.trees import LeafCounts, leaf_of


def multiplicative_weights(
    x: Array,
    mechanism: NoiseMechanism,
    *,
    low: float = 0.0,
    high: float = 1.0,
    height: int = 8,
    rounds: int = 10,
    passes: int = 50,
    size: int | None = None,
) -> FlatSums:
    """A histogram, mended where it answers distances worst (Hardt, Ligett and McSherry 2012).

    In each round the leaf whose sum of distances is furthest off is chosen by noisy maximum, its
    sum measured, and the histogram reweighted, all measurements some times over; the last histogram
    is the answer.

    Args:
        mechanism: of noise for the l1 norm: a noisy maximum's is not that of one of its scores in
            the l2 norm.
        rounds: a 2 d rounds-th of the budget for each choice and each measurement.
        passes: over the measurements, in each round.
        size: n, which is public; None takes that of the points.

    Raises:
        InvalidInputError: another mechanism, or no round.
    """
    if rounds < 1 or mechanism.norm != 1:
        raise InvalidInputError(
            f"rounds={rounds}, {type(mechanism).__name__}; allowed: 1 or more, and noise for the "
            f"l1 norm, as Laplace's."
        )
    points = rows(x, "x")
    part = mechanism.share(1 / (2 * rounds * points.shape[1]))
    leaves, length = 2**height, high - low
    place = torch.arange(leaves, dtype=torch.float64, device=points.device) * (length / leaves)
    queries = (place[:, None] - place).abs()
    found = []
    for leaf in leaf_of(points, low, high, leaves).unbind(1):
        truth = queries @ torch.bincount(leaf, minlength=leaves).double()
        histogram = torch.full_like(truth, (len(points) if size is None else size) / leaves)
        measured: dict[int, Tensor] = {}
        for _ in range(rounds):
            apart = (truth - queries @ histogram).abs()
            # The largest of noisy scores: each of them moves by R, in either direction.
            worst = int(part.release(apart, 2 * length).argmax())
            measured[worst] = part.release(truth[worst], length)
            histogram = _mended(histogram, queries, measured, passes, length)
        found.append(histogram)
    return FlatSums(LeafCounts(torch.stack(found)), low, high)


def _mended(
    histogram: Float[Tensor, " leaves"],
    queries: Float[Tensor, "leaves leaves"],
    measured: dict[int, Tensor],
    passes: int,
    length: float,
) -> Float[Tensor, " leaves"]:
    total = histogram.sum()
    pairs = [(queries[query], value) for query, value in measured.items()]
    for _ in range(passes):
        for query, value in pairs:
            off = (value - query @ histogram) / (2 * length * total)
            histogram = histogram * torch.exp((query * off).clamp(-50, 50))
            histogram = histogram * (total / histogram.sum())
    return histogram
