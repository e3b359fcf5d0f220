"""Powers of absolute values. The common exponents have no call of the general power, which is many
times slower."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def power(y: Float[Tensor, "*s"], exponent: float) -> Float[Tensor, "*s"]:
    """|y|^exponent; infinite at 0 where the exponent is negative."""
    if exponent == 0:
        return y.new_ones(y.shape)
    if exponent == 0.5:
        return y.abs().sqrt_()
    if exponent == -0.5:
        return y.abs().rsqrt_()
    if exponent == 1:
        return y.abs()
    if exponent == 1.5:
        absolute = y.abs()
        return absolute * absolute.sqrt()
    if exponent == 2:
        return y.square()
    if exponent == 3:
        return y.square().mul_(y.abs())
    if exponent == 4:
        return y.square().square_()
    return y.abs().pow_(exponent)


def signed_power(y: Float[Tensor, "*s"], exponent: float) -> Float[Tensor, "*s"]:
    """sign(y) |y|^exponent, exponent 0 or more."""
    return y.sign() if exponent == 0 else power(y, exponent).copysign_(y)
