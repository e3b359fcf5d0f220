"""A run's errors at steps that lie evenly in ln T: a long trajectory in a few dozen numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from common.errors import InvalidInputError


def log_spaced(last: int, per_doubling: int = 4) -> list[int]:
    """Whole steps 0, 1, ..., ``last``, so many in every doubling where there are as many.

    Raises:
        InvalidInputError: last below 0, or none in a doubling.
    """
    if last < 0 or per_doubling < 1:
        raise InvalidInputError(
            f"last={last}, per_doubling={per_doubling}; allowed: 0 or more, and 1 or more."
        )
    if last == 0:
        return [0]
    places = np.arange(np.log2(last) * per_doubling + 1) / per_doubling
    return sorted({0, *np.minimum(np.round(2.0**places), last).astype(int).tolist(), last})


def trajectory(
    name: str, errors: Float[np.ndarray, " steps"], per_doubling: int = 4
) -> dict[str, list[float]]:
    """Curves for a record: errors, from step 0 on, thinned, and the steps they are of.

    Args:
        name: of the errors' curve; the steps' is ``<name>_at``.
    """
    at = log_spaced(len(errors) - 1, per_doubling)
    return {name: [float(errors[t]) for t in at], f"{name}_at": [float(t) for t in at]}
