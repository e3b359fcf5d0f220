"""l_p regression min_x ||A x - b||_p: the minimum of ||[A b] z||_p over z with last entry -1."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import as_tensor, like
from papers.sensitivity_sampling.powers import power
from papers.sensitivity_sampling.sensitivities import check_power, minimum

Array = np.ndarray | Tensor


def regress(
    matrix: Float[Array, "n d"], target: Float[Array, " n"], p: float
) -> Float[Array, " d"]:
    """The coefficients, float64, an array where A is one; by the same solver as sensitivities. Of
    rank deficient A those of the least length in the coordinates of its range.

    Raises:
        InvalidInputError: p is below 1, A or b are not finite floats, shapes do not fit, or b lies
            in A's range: any minimum is 0 then.
    """
    check_power(p)
    given, matrix, target = matrix, as_tensor(matrix, "matrix"), as_tensor(target, "target")
    if matrix.ndim != 2 or not matrix.numel():
        raise InvalidInputError(
            f"a matrix of shape {tuple(matrix.shape)}; wanted: (rows, columns), none 0."
        )
    if target.shape != matrix[:, 0].shape:
        raise InvalidInputError(
            f"a target of shape {tuple(target.shape)} for {len(matrix)} rows; wanted: one a row."
        )
    # Of one size, so that a small target is not taken for none.
    a, b = matrix.double(), target.double()
    sizes = [float(part.abs().max()) or 1.0 for part in (a, b)]
    joint = torch.cat([a / sizes[0], b[:, None] / sizes[1]], 1)
    basis, values, right = torch.linalg.svd(joint, full_matrices=False)
    kept = values > values[0] * max(joint.shape) * torch.finfo(joint.dtype).eps
    back = right[kept].mT / values[kept]  # z = back @ x for values Q x
    inside = bool(kept.all()) or float(right[~kept][:, -1].abs().max()) < 1e-9
    if len(joint) <= matrix.shape[1] or not inside:
        raise InvalidInputError("The target is a combination of the columns: its loss is 0.")
    x, _, _ = minimum(basis[:, kept], back[-1:], p)
    return like(-(back @ x[0])[:-1] * (sizes[1] / sizes[0]), given)


def loss(
    matrix: Float[Tensor, "n d"], target: Float[Tensor, " n"], x: Float[Tensor, " d"], p: float
) -> float:
    """||A x - b||_p^p."""
    return float(power(matrix @ x - target, p).sum())
