"""H10: how fast the truncated Fourier basis approximates a kernel, by the kernel's smoothness.

The theorem: n states suffice for error eps in L2 if n >= (L/(pi eps))^2 + 2 for an L-Lipschitz
kernel, so the error of n states falls like n^{-1/2}, the rate of a jump at the window's ends;
kernels that close smoothly do better.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad

from common.experiment.context import RunContext, TaskResult

# On [0, 1], Lipschitz with constant 1: a sawtooth once periodic, and a triangle.
KERNELS = {"ramp": lambda t: t, "triangle": lambda t: abs(t - 0.5)}


def run(context: RunContext) -> TaskResult:
    """Errors over the number of frequencies, log-log slopes, and the theorem's bound."""
    frequencies = list(context.config.task.frequencies)
    metrics: dict[str, float] = {}
    for name, kernel in KERNELS.items():
        errors = projection_errors(kernel, frequencies)
        for m, error in zip(frequencies, errors, strict=True):
            metrics[f"{name}_error_m{m}"] = error
            # n = 2m states: eps = L/(pi sqrt(n - 2))
            metrics[f"{name}_error_over_bound_m{m}"] = error * math.pi * math.sqrt(2 * m - 2)
        for (m, e), (larger, f) in zip(
            zip(frequencies, errors, strict=True),
            zip(frequencies[1:], errors[1:], strict=True),
            strict=False,
        ):
            metrics[f"{name}_slope_m{larger}"] = math.log(f / e) / math.log(larger / m)
    return TaskResult(metrics)


def projection_errors(kernel, frequencies: list[int]) -> list[float]:
    """L2 distance on [0, 1] from span{1, cos 2 pi j t, sin 2 pi j t : j < m}, for each m.

    Coefficients by adaptive quadrature with an oscillating weight, and Parseval: what is not in
    the span is what is left of the kernel's square.
    """
    energy = quad(lambda t: kernel(t) ** 2, 0, 1, points=[0.5], epsabs=1e-14)[0]
    mean = quad(kernel, 0, 1, points=[0.5], epsabs=1e-14)[0]
    powers = np.array([mean**2, *(_power(kernel, j) for j in range(1, max(frequencies)))])
    return [math.sqrt(energy - powers[:m].sum()) for m in frequencies]


def _power(kernel, j: int) -> float:
    total = 0.0
    for weight in ("cos", "sin"):
        halves = (
            quad(kernel, a, b, weight=weight, wvar=2 * math.pi * j, epsabs=1e-14)[0]
            for a, b in ((0, 0.5), (0.5, 1))
        )
        total += 2 * sum(halves) ** 2
    return total
