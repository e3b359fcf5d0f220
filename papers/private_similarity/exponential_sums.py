"""1 / (1 + z) as a short sum of exponentials (sections 8 and 9 of the paper).

1 / (1 + z) is the integral over t of exp(t - e^t) exp(-z e^t); the trapezoid rule turns it into
sum_m w_m exp(-t_m z), with positive weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from common.errors import InvalidInputError

_PROBES = np.concatenate(([0.0], np.logspace(-4, 5, 1200)))


@dataclass(frozen=True)
class ExponentialSum:
    """sum_m w_m exp(-t_m z).

    Attributes:
        rates: t_m, ascending.
        weights: w_m, above 0.
    """

    rates: tuple[float, ...]
    weights: tuple[float, ...]

    @classmethod
    def trapezoid(cls, terms: int, step: float, start: float) -> ExponentialSum:
        """t = e^s at s = start, start + step, ...; w = step exp(s - e^s)."""
        s = start + step * np.arange(terms)
        return cls(tuple(np.exp(s).tolist()), tuple((step * np.exp(s - np.exp(s))).tolist()))

    def __call__(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.exp(-np.multiply.outer(z, self.rates)) @ np.array(self.weights)

    def error(self, z: Float[np.ndarray, " n"] = _PROBES) -> float:
        """The largest, of 1 / (1 + z), at 0 and from 1e-4 to 1e5 where not said otherwise."""
        return float(np.abs(self(z) - 1 / (1 + z)).max())


@lru_cache(maxsize=64)
def inverse_sum(terms: int) -> ExponentialSum:
    """The trapezoid of least error over step and start, by a search in both.

    Raises:
        InvalidInputError: no term.
    """
    if terms < 1:
        raise InvalidInputError(f"{terms} terms; allowed: 1 or more.")

    def loss(place: np.ndarray) -> float:
        return ExponentialSum.trapezoid(terms, float(np.exp(place[0])), float(place[1])).error()

    # Steps shrink and starts move away from 0 as terms are added.
    grid = [
        (np.log(step), end - step * (terms - 1))
        for step in np.linspace(0.15, 3.5, 40)
        for end in np.linspace(0.0, 3.5, 20)
    ]
    best = sorted(grid, key=loss)[:5]
    options = {"xatol": 1e-7, "fatol": 1e-12, "maxiter": 2000, "maxfev": 2000}
    found = min(
        (minimize(loss, place, method="Nelder-Mead", options=options) for place in best),
        key=lambda result: result.fun,
    )
    return ExponentialSum.trapezoid(terms, float(np.exp(found.x[0])), float(found.x[1]))
