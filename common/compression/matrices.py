"""A convolution's weight as a matrix, and back: each way of reading it has its own factors.

Symbols: n filters (outputs), c input channels, kernel h x w.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def channel_matrix(weight: Float[Tensor, "n c h w"]) -> Float[Tensor, "n chw"]:
    """A row a filter. Its factors are r filters of the same kernel, then a 1 x 1 convolution."""
    return weight.flatten(1)


def channel_weight(
    matrix: Float[Tensor, "n chw"], shape: tuple[int, int, int, int]
) -> Float[Tensor, "n c h w"]:
    """The weight of ``shape`` (n, c, h, w) that :func:`channel_matrix` reads as this matrix."""
    return matrix.reshape(shape)


def spatial_matrix(weight: Float[Tensor, "n c h w"]) -> Float[Tensor, "ch nw"]:
    """A row an (input channel, kernel row), a column a (filter, kernel column). Its factors are r
    filters h x 1, then n filters 1 x w; separable filters have rank 1."""
    n, c, h, w = weight.shape
    return weight.permute(1, 2, 0, 3).reshape(c * h, n * w)


def spatial_weight(
    matrix: Float[Tensor, "ch nw"], shape: tuple[int, int, int, int]
) -> Float[Tensor, "n c h w"]:
    """The weight of ``shape`` (n, c, h, w) that :func:`spatial_matrix` reads as this matrix."""
    n, c, h, w = shape
    return matrix.reshape(c, h, n, w).permute(2, 0, 1, 3)


def filter_matrices(weight: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hw"]:
    """A matrix a filter, a row an input channel. Its factors are, for each of r paths, a 1 x 1
    convolution to n channels and a depthwise kernel on each."""
    return weight.flatten(2)


def filter_weight(
    matrices: Float[Tensor, "n c hw"], shape: tuple[int, int, int, int]
) -> Float[Tensor, "n c h w"]:
    """The weight of ``shape`` (n, c, h, w) that :func:`filter_matrices` reads as these."""
    return matrices.reshape(shape)
