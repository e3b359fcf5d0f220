"""The convex reference: least absolute deviations with a nuclear norm, for small matrices.

Of a positive semidefinite matrix the nuclear norm is the trace.
"""

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
        InvalidInputError: more than 15 rows; a weight below 0; y is not finite or not as long as A.
        UserError: cvxpy is not installed (extra ``convex``), or its solver gives up.
    """
    size = sensing.shape[0]
    if y.shape != (len(sensing.rows),) or not np.isfinite(y).all():
        raise InvalidInputError(
            f"y of shape {y.shape}; wanted: ({len(sensing.rows)},), finite numbers."
        )
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
    problem = cp.Problem(cp.Minimize(objective))
    problem.solve(solver=cp.CLARABEL)
    if x.value is None:
        raise UserError(f"the convex solver ended with {problem.status!r}, without a solution.")
    return x.value
