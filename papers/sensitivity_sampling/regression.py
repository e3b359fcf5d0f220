"""l_p regression min_x ||A x - b||_p: the minimum of ||[A b] z||_p over z with last entry -1."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.sensitivity_sampling.powers import power
from papers.sensitivity_sampling.sensitivities import check_power, minimum


def regress(
    matrix: Float[Tensor, "n d"], target: Float[Tensor, " n"], p: float
) -> Float[Tensor, " d"]:
    """The coefficients, float64; by the same solver as sensitivities. Of rank deficient A those of
    the least length in the coordinates of its range.

    Raises:
        InvalidInputError: p is below 1, shapes do not fit, or b lies in A's range: any minimum is
            0 then.
    """
    check_power(p)
    if target.shape != matrix[:, 0].shape:
        raise InvalidInputError(
            f"a target of shape {tuple(target.shape)} for {len(matrix)} rows; wanted: one a row."
        )
    joint = torch.cat([matrix, target[:, None]], 1).double()
    basis, values, right = torch.linalg.svd(joint, full_matrices=False)
    kept = values > values[0] * max(joint.shape) * torch.finfo(joint.dtype).eps
    back = right[kept].mT / values[kept]  # z = back @ x for values Q x
    inside = bool(kept.all()) or float(right[~kept][:, -1].abs().max()) < 1e-9
    if len(joint) <= matrix.shape[1] or not inside:
        raise InvalidInputError("The target is a combination of the columns: its loss is 0.")
    x, _, _ = minimum(basis[:, kept], back[-1:], p)
    return -(back @ x[0])[:-1]


def loss(
    matrix: Float[Tensor, "n d"], target: Float[Tensor, " n"], x: Float[Tensor, " d"], p: float
) -> float:
    """||A x - b||_p^p."""
    return float(power(matrix @ x - target, p).sum())
