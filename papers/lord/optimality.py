"""What atomic features are optimal for: the mean squared error of the outputs, at a rank.

For y = W x + b and any affine map of x with weight M and the bias that suits it best, the mean
squared error is tr (W - M) Sigma_x (W - M)^T with Sigma_x the covariance of the inputs. Over M of
rank r its minimum is the sum of the eigenvalues of Sigma_y from the r-th on, which AFM attains.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from common.compression.features import FeatureBasis


def affine_error(
    weight: Float[Tensor, "d n"], other: Float[Tensor, "d n"], inputs: Float[Tensor, "n n"]
) -> float:
    """Mean squared error of the outputs with ``other`` in place of ``weight`` and its best bias.

    Args:
        inputs: covariance of the inputs, float64.
    """
    difference = weight.double() - other.double()
    return float(((difference @ inputs) * difference).sum())


def competitors(
    basis: FeatureBasis,
    weight: Float[Tensor, "d n"],
    rank: int,
    count: int,
    generator: torch.Generator,
) -> Iterator[Float[Tensor, "d n"]]:
    """Weights of affine maps of this rank, float64: in turn AFM's own with both factors disturbed,
    by 0.1 % to 100 % of their norm, and the weight projected on a random subspace."""
    weight = weight.double()
    Q = basis.vectors[:, :rank]
    first = Q.mT @ weight

    def draw(like: Tensor) -> Tensor:
        noise = torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like.device)
        return noise * (like.norm() / noise.norm())

    for number in range(count):
        if number % 2:
            random = torch.linalg.qr(draw(Q)).Q
            yield random @ (random.mT @ weight)
        else:
            size = 10 ** (-3 + 3 * number / count)
            yield (Q + size * draw(Q)) @ (first + size * draw(first))


def worst_margin(
    basis: FeatureBasis,
    weight: Float[Tensor, "d n"],
    inputs: Float[Tensor, "n n"],
    rank: int,
    count: int,
    generator: torch.Generator,
) -> tuple[int, float]:
    """How many competitors are worse than AFM, and the smallest of their errors over its own."""
    own = basis.error(rank)
    errors = [
        affine_error(weight, other, inputs)
        for other in competitors(basis, weight, rank, count, generator)
    ]
    return sum(error > own for error in errors), min(errors) / own
