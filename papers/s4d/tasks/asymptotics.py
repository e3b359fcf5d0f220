"""D8: the spectrum of A_perp for large N, of which S4D-Inv is the leading order.

Im_k is about N^2/((2k+1) pi) - (2k+1) pi/6; the constant at k = 0 tends to pi/6 from below.
"""

from __future__ import annotations

import math

import torch

from common.experiment.context import RunContext, TaskResult
from common.kernels.hippo import legs, legs_normal, nplr

CONDITION_SIZES = (8, 16)


def run(context: RunContext) -> TaskResult:
    """The constant at every size, what solvers make of Re = -1/2, and of A_H itself."""
    metrics = {}
    for n in context.track(list(context.config.task.sizes), "sizes"):
        metrics |= at_size(n)
    return TaskResult(metrics | {f"condition_n{n}": condition(n) for n in CONDITION_SIZES})


def condition(n: int) -> float:
    """Condition number of the eigenvectors of A_H: why the exact diagonal form is of no use."""
    _, V = torch.linalg.eig(legs(n)[0])
    return float(torch.linalg.cond(V))


def at_size(n: int) -> dict[str, float]:
    """``constant``: N^2/pi - Im_0. ``real_part_error``: against -1/2, by an eigensolver that knows
    nothing of normality. ``residual``: of A_perp V = V Lambda, over the size of A_perp.
    ``inv_error``: largest relative deviation of S4D-Inv over the first tenth of the modes."""
    A, parts = legs_normal(n), nplr("legs", n)
    imag = parts.lam.imag.sort(descending=True).values[: n // 2]
    residual = A.to(parts.V.dtype) @ parts.V - parts.V * parts.lam
    k = torch.arange(max(1, n // 20), dtype=torch.float64)
    inv = n / math.pi * (n / (2 * k + 1) - 1)
    return {
        f"constant_n{n}": n * n / math.pi - float(imag[0]),
        f"real_part_error_n{n}": float((torch.linalg.eigvals(A).real + 0.5).abs().max()),
        f"residual_n{n}": float(residual.abs().max() / imag[0]),
        f"inv_error_n{n}": float((inv / imag[: len(k)] - 1).abs().max()),
        f"largest_imag_n{n}": float(imag[0]),
    }
