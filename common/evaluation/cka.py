"""How alike two representations of the same rows are."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def linear_cka(one: Float[Tensor, "n p"], two: Float[Tensor, "n q"]) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019), in float64; 1 for equal ones.

    It does not change under rotations and scalings of either.
    """
    one, two = (part.double() - part.double().mean(0) for part in (one, two))
    across = (one.mT @ two).norm() ** 2
    return float(across / ((one.mT @ one).norm() * (two.mT @ two).norm()))
