"""An orthonormal basis of a matrix's range: what depends on the range alone is computed with it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def range_basis(matrix: Float[Tensor, "n k"]) -> Float[Tensor, "n r"]:
    """Left singular vectors of the singular values above rounding; r is the numerical rank.

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
    basis, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    kept = values > values[:1] * max(matrix.shape) * torch.finfo(matrix.dtype).eps
    if not bool(kept.any()):
        raise InvalidInputError("The matrix is zero: no row of it matters.")
    return basis[:, kept]
