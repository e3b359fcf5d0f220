"""One least-squares problem of many rows, by a sketch that preconditions (the fast solver)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.sketches import Sketch
from papers.altmin_completion.direct import full_rank

Map = Callable[[Tensor], Tensor]


def conjugate_gradient(
    normal: Map,
    right: Float[Tensor, "*b k"],
    start: Float[Tensor, "*b k"] | None,
    steps: int,
    norm: float | Float[Tensor, "*b 1"],
) -> Float[Tensor, "*b k"]:
    """z with G z = right after so many steps; every member of a batch has its own.

    A member stands still from where its residual, or the curvature along its direction, is of the
    size of rounding: further steps would divide rounding by rounding. Of a singular G with a
    solution the one nearest to the start is approached, from 0 the smallest.

    Args:
        normal: z -> G z, G symmetric positive semidefinite.
        start: z_0; None is 0, and saves a product.
        norm: an upper bound of G's, of all or of each.
    """
    rounding = 16 * torch.finfo(right.dtype).eps
    z = torch.zeros_like(right) if start is None else start
    residual = right if start is None else right - normal(z)
    direction, size = residual, residual.square().sum(-1, keepdim=True)
    added_up = right.norm(dim=-1, keepdim=True) + norm * z.norm(dim=-1, keepdim=True)
    least = (rounding * added_up).square()
    goes_on = size > least
    for _ in range(steps):
        image = normal(direction)
        curvature = (direction * image).sum(-1, keepdim=True)
        squared = direction.square().sum(-1, keepdim=True)
        goes_on = goes_on & (curvature > rounding * norm * squared)
        length = torch.where(goes_on, size / curvature, 0.0)
        z = z + length * direction
        residual = residual - length * image
        before, size = size, residual.square().sum(-1, keepdim=True)
        goes_on = goes_on & (size > least)
        direction = residual + torch.where(goes_on, size / before, 0.0) * direction
    return z


def preconditioner(sketched: Float[Tensor, "*b s k"]) -> Float[Tensor, "*b k k"]:
    """R of S A = Q R; A R^-1 is well conditioned whatever A is.

    Raises:
        InvalidInputError: the sketch has fewer rows than columns, or columns that depend on each
            other up to rounding.
    """
    if sketched.shape[-2] < sketched.shape[-1]:
        raise InvalidInputError(
            f"{sketched.shape[-2]} sketched rows of {sketched.shape[-1]} columns; needed are as "
            f"many at least, better four times as many."
        )
    r = torch.linalg.qr(sketched, mode="r").R
    if not bool(full_rank(r).all()):
        raise InvalidInputError("The sketch has not full rank: columns of A depend on each other.")
    return r


def sketched_least_squares(
    a: Float[Tensor, "n k"], b: Float[Tensor, " n"], sketch: Sketch, steps: int
) -> list[Float[Tensor, " k"]]:
    """min ||A x - b|| by conjugate gradients on A R^-1, from z = 0.

    Returns:
        x after every step, 1 to ``steps``.
    """
    r = preconditioner(sketch.apply(a))
    q = torch.linalg.solve_triangular(r, a, upper=True, left=False)
    return [
        torch.linalg.solve_triangular(r, z[:, None], upper=True)[:, 0] for z in _cgls(q, b, steps)
    ]


def plain_least_squares(
    a: Float[Tensor, "n k"], b: Float[Tensor, " n"], steps: int
) -> list[Float[Tensor, " k"]]:
    """The same without a sketch: its steps grow with the condition of A."""
    return _cgls(a, b, steps)


def _cgls(a: Tensor, b: Tensor, steps: int) -> list[Tensor]:
    """Conjugate gradients on the normal equations, by products with A and A^T alone."""
    x, left = a.new_zeros(a.shape[1]), b
    gradient = a.mT @ left
    direction, size = gradient, gradient @ gradient
    # What of a gradient is rounding alone; from there on x stands still.
    least = (torch.finfo(a.dtype).eps * a.norm()).square()
    found = []
    for _ in range(steps):
        if size > least * (left @ left):
            image = a @ direction
            length = size / (image @ image)
            x, left = x + length * direction, left - length * image
            gradient = a.mT @ left
            before, size = size, gradient @ gradient
            direction = gradient + size / before * direction
        found.append(x)
    return found
