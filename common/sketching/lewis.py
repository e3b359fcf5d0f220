"""Lewis weights: the change of density that makes a subspace of l_p look like one of l_2."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import as_tensor, like
from common.sketching.row_space import range_basis

Array = np.ndarray | Tensor


def lewis_weights(
    matrix: Float[Array, "n d"], p: float, *, tolerance: float = 1e-12, most: int = 2000
) -> Float[Array, " n"]:
    """w with w_i = tau_i(W^{1/2 - 1/p} A), tau the leverage scores (Cohen and Peng, 2015).

    They are unique and sum to the rank; for p = 2 they are the leverage scores. Below 2 the fixed
    point w <- (a_i^T G^{-1} a_i)^{p/2}, G = A^T W^{1 - 2/p} A, contracts by 1 - p/2. From 2 on that
    iteration is slower and from 4 on it oscillates; there w <- tau(W^{1/2 - 1/p} A) contracts by
    1 - 2/p.

    Args:
        matrix: A, float32 or float64; rows of zeros have weight 0.
        p: 1 or more.
        tolerance: largest relative change of a weight at which it ends; in float32 at least 1e-5.
        most: iterations.

    Raises:
        InvalidInputError: A is zero or not finite floats, p is below 1, or the iteration does not
            settle.
    """
    a = as_tensor(matrix, "matrix")
    if not 1 <= p < float("inf"):
        raise InvalidInputError(f"p={p}; allowed: 1 or more, finite.")
    basis = range_basis(a)
    inside = basis.square().sum(1) > 0
    rows = basis[inside]
    weights = torch.full_like(rows[:, 0], rows.shape[1] / rows.shape[0])
    tolerance = max(tolerance, 1e-5) if rows.dtype == torch.float32 else tolerance
    for _ in range(most):
        density = weights ** (1 - 2 / p)
        root = torch.linalg.cholesky(rows.mT @ (density[:, None] * rows))
        lengths = torch.linalg.solve_triangular(root, rows.mT, upper=False).square().sum(0)
        new = lengths ** (p / 2) if p < 2 else density * lengths
        change = float((new / weights - 1).abs().max())
        weights = new
        if change <= tolerance:
            found = a.new_zeros(len(a))
            found[inside] = weights
            return like(found, matrix)
    raise InvalidInputError(
        f"Lewis weights of p={p} still change by {change:.1e} after {most} iterations; allow more."
    )
