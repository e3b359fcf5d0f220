"""What l1 mechanisms answer, each with the whole epsilon and from one release."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from papers.private_similarity.line_peers import CountAndSumTrees, FlatSums, GridSums, best_parts
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.multiplicative_weights import multiplicative_weights

Answer = Callable[[Float[Tensor, "n d"], Float[Tensor, "q d"], Laplace], Float[Tensor, " q"]]


def grid(
    x: Float[Tensor, "n d"], y: Float[Tensor, "q d"], mechanism: Laplace
) -> Float[Tensor, " q"]:
    """By the grid that is best for so many points."""
    parts = best_parts(len(x), mechanism.epsilon / x.shape[1])
    return GridSums.release(x, mechanism, parts=parts).query(y)


def peers(height: int, weights_height: int, rounds: int) -> dict[str, Answer]:
    """``flat``, ``count_and_sum`` and ``weights``."""
    return {
        "flat": lambda x, y, noise: FlatSums.release(x, noise, height=height).query(y),
        "count_and_sum": lambda x, y, noise: CountAndSumTrees.release(
            x, noise, height=height
        ).query(y),
        "weights": lambda x, y, noise: multiplicative_weights(
            x, noise, height=weights_height, rounds=rounds
        ).query(y),
    }
