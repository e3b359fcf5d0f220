"""Time-varying systems x'(t) = sigma'(t) (A x + B u): a time-invariant one on a warped clock.

If e^{tA} B = K(t), the state is x(t) = int K(sigma(t) - sigma(s)) sigma'(s) u(s) ds. The original
HiPPO-LegS is sigma = log t: K_n(log t - log s)/s = L_n(s/t)/t, uniform on [0, t].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

Function = Callable[[float], float]


def integrate(
    A: Float[Tensor, "n n"],
    B: Float[Tensor, " n"],
    rate: Function,
    u: Function,
    start: float,
    stop: float,
    x: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """x(stop) of ``x' = rate(t) (A x + B u(t))`` from x(start) = x, to about 1e-10."""
    matrix, vector = A.numpy(), B.numpy()
    solution = solve_ivp(
        lambda t, y: rate(t) * (matrix @ y + vector * u(t)),
        (start, stop),
        x,
        method="DOP853",
        rtol=1e-11,
        atol=1e-12,
    )
    return solution.y[:, -1]
