"""An orthonormal basis of a matrix's range: what depends on the range alone is computed with it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def range_basis(matrix: Float[Tensor, "n k"]) -> Float[Tensor, "n r"]:
    """Q, orthonormal columns that span the range of A, as far as its singular values are above
    rounding; r is the numerical rank.

    Every row of Q is its row of A times one r x r change of coordinates, off by rounding of its own
    length times A's condition number: light rows are as exact as heavy ones, and rows of zeros are
    zeros. Of singular vectors that is not so; they err by rounding of the heaviest row.

    Raises:
        InvalidInputError: it is not a matrix of finite floats with rows and columns, or is zero.
    """
    if matrix.ndim != 2 or not matrix.numel():
        raise InvalidInputError(
            f"a matrix of shape {tuple(matrix.shape)}; wanted: (rows, columns), none 0."
        )
    if not matrix.dtype.is_floating_point or not bool(matrix.isfinite().all()):
        raise InvalidInputError(
            f"a matrix of {matrix.dtype} with NaN, infinity or whole numbers; allowed: finite "
            f"floats. Convert it first."
        )
    _, values, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = values > values[:1] * max(matrix.shape) * torch.finfo(matrix.dtype).eps
    if not bool(kept.any()):
        raise InvalidInputError("The matrix is zero: no row of it matters.")
    rows = matrix @ (right[kept].mT / values[kept])
    # Orthonormal but for rounding times the condition number, which the second pass takes away.
    triangle = torch.linalg.qr(rows, mode="r").R
    return torch.linalg.solve_triangular(triangle, rows, upper=True, left=False)
