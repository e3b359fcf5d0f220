"""Noise from OpenDP (extra ``privacy``): sampled exactly on a grid, from the system's randomness,
without a seed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from common.errors import UserError


class OpenDP:
    """Noise that may be called private.

    Some hundred times slower than a seeded generator: microseconds a number.

    Raises:
        UserError: OpenDP is not installed.
    """

    private = True

    def __init__(self) -> None:
        try:
            import opendp.prelude as dp
        except ImportError:
            raise UserError(
                "Private noise comes from OpenDP, which is not installed: pip install "
                "'structlab[privacy]'. Experiments take simulation.Simulation: not private."
            ) from None
        dp.enable_features("contrib")
        self._dp = dp
        self.drawn = 0

    def laplace(self, values: Float[np.ndarray, " n"], scale: float) -> Float[np.ndarray, " n"]:
        dp = self._dp
        space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
        return self._add(dp.m.make_laplace(*space, scale=scale), values.tolist())

    def discrete_laplace(
        self, values: Float[np.ndarray, " n"], scale: float
    ) -> Float[np.ndarray, " n"]:
        dp = self._dp
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
        return self._add(dp.m.make_laplace(*space, scale=scale), values.astype(int).tolist())

    def gaussian(
        self, values: Float[np.ndarray, " n"], deviation: float
    ) -> Float[np.ndarray, " n"]:
        dp = self._dp
        space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float)
        return self._add(dp.m.make_gaussian(*space, scale=deviation), values.tolist())

    def _add(self, measurement, values: list) -> Float[np.ndarray, " n"]:
        self.drawn += len(values)
        return np.array(measurement(values), dtype=float)
