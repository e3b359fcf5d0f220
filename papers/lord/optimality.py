"""What atomic features are optimal for: the mean squared error of the outputs, at a rank.

For y = W x + b and an affine map of x with weight A B and the bias that suits it best, the mean
squared error is ||(W - A B) L||^2, where L L^T is the covariance of the inputs. Over factors of
rank r its minimum is the sum of the eigenvalues of the outputs' covariance from the r-th on, which
AFM attains.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from common.compression.features import FeatureBasis


def square_root(covariance: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """L with L L^T the covariance, also where that is singular."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return lower
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt()


def competitors(
    basis: FeatureBasis,
    whitened: Float[Tensor, "d n"],
    rank: int,
    count: int,
    generator: torch.Generator,
) -> Iterator[tuple[Float[Tensor, "d r"], Float[Tensor, "r n"]]]:
    """Factors A and B L of affine maps of this rank, float64: in turn AFM's own with both factors
    disturbed, by 0.1 % to 100 % of their norm, and the weight projected on a random subspace.

    Args:
        whitened: W L.
    """
    Q = basis.vectors[:, :rank]
    first = Q.mT @ whitened

    def draw(like: Tensor) -> Tensor:
        noise = torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like.device)
        return noise * (like.norm() / noise.norm())

    for number in range(count):
        if number % 2:
            random = torch.linalg.qr(draw(Q)).Q
            yield random, random.mT @ whitened
        else:
            size = 10 ** (-3 + 3 * number / count)
            yield Q + size * draw(Q), first + size * draw(first)


def worst_margin(
    basis: FeatureBasis,
    weight: Float[Tensor, "d n"],
    inputs: Float[Tensor, "n n"],
    rank: int,
    count: int,
    generator: torch.Generator,
) -> tuple[int, float]:
    """How many competitors are worse than AFM, and the smallest of their errors over its own.

    Args:
        inputs: covariance of the inputs, float64.
    """
    own, whitened = basis.error(rank), weight.double() @ square_root(inputs)
    errors = [
        float((whitened - second @ first).square().sum())
        for second, first in competitors(basis, whitened, rank, count, generator)
    ]
    return sum(error > own for error in errors), min(errors) / own
