"""The convex reference: least absolute deviations with a nuclear norm, for small matrices."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from common.errors import InvalidInputError, UserError
from common.recovery.sensing import Packed

LARGEST = 15


def recover_convex(
    y: Float[np.ndarray, " m"], sensing: Packed, weight: float
) -> Float[np.ndarray, "d d"]:
    """argmin (1/m) sum_i |<A_i, X> - y_i| + weight tr X over X positive semidefinite.

    Raises:
        InvalidInputError: more than 15 rows; a weight below 0.
        UserError: cvxpy is not installed (extra ``convex``).
    """
    size = sensing.shape[0]
    if size > LARGEST or weight < 0:
        raise InvalidInputError(
            f"{size} rows, weight={weight}; allowed: at most {LARGEST}, and 0 or more."
        )
    try:
        import cvxpy as cp
    except ImportError:
        raise UserError(
            "The convex reference needs cvxpy, which is not installed: "
            "pip install 'structlab[convex]'."
        ) from None
    x = cp.Variable((size, size), PSD=True)
    row, column = np.triu_indices(size)
    measured = sensing.rows.cpu().numpy() @ x[row, column]
    objective = cp.norm1(measured - y) / len(y) + weight * cp.trace(x)
    cp.Problem(cp.Minimize(objective)).solve(solver=cp.CLARABEL)
    return x.value
