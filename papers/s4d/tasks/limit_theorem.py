"""D3 and D4: how (A_perp, B_H / 2) tends to HiPPO-LegS, and how it does not.

Component 0 of LegS' kernel is e^-t. Averaged over a step, that is under a zero-order hold of fixed
Delta, the diagonal kernel tends to it; the continuous kernels stay O(1) apart in L2 and in sup, for
the difference oscillates ever faster without becoming smaller.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.discretise import zoh
from common.kernels.hippo import nplr
from common.kernels.vandermonde import vandermonde_kernel


def run(context: RunContext) -> TaskResult:
    """Errors of component 0 by size."""
    task = context.config.task
    metrics = {}
    errors = []
    for n in context.track(list(task.sizes), "zero-order hold"):
        halved, whole = (held_error(n, task.step, task.length, f) for f in (0.5, 1.0))
        errors.append(halved)
        metrics |= {f"error_n{n}": halved, f"error_whole_b_n{n}": whole}
    for (n, error), later in zip(zip(task.sizes, errors, strict=True), errors[1:], strict=False):
        metrics[f"fall_n{n}"] = error / later
    for n in context.track(list(task.continuous_sizes), "continuous kernels"):
        metrics[f"l2_error_n{n}"] = continuous_error(n, task.horizon)
        metrics[f"error_at_zero_n{n}"] = abs(float(component(n, 0.5)[1].real.sum()) - 1)
    return TaskResult(metrics)


def component(n: int, factor: float) -> tuple[Complex[Tensor, " n"], Complex[Tensor, " n"]]:
    """Eigenvalues and residues: the kernel of x_0 in (A_perp, factor B_H) is sum r exp(lam t)."""
    parts = nplr("legs", n)
    return parts.lam, parts.V[0] * (factor * (parts.V.mH @ parts.B.to(parts.V.dtype)))


def held_error(n: int, step: float, length: int, factor: float) -> float:
    """Largest error of the kernel under a zero-order hold, over Delta."""
    lam, residues = component(n, factor)
    upper = lam.imag > 0
    lam, residues = lam[upper], residues[upper]
    _, scale = zoh(lam, step)
    kernel = vandermonde_kernel((residues * scale)[None], (lam * step)[None], length)[0]
    exact = -math.expm1(-step) * torch.exp(-step * torch.arange(length, dtype=torch.float64))
    return float((kernel - exact).abs().max()) / step


def continuous_error(n: int, horizon: float) -> float:
    """L2 norm over [0, horizon] of the difference to e^-t, all exponentials, in closed form."""
    lam, residues = component(n, 0.5)
    rates = torch.cat([lam, lam.new_tensor([-1.0])])
    weights = torch.cat([residues, residues.new_tensor([-1.0])])
    return float(_energy(rates, weights, horizon).sqrt())


def _energy(rates, weights, horizon) -> Float[Tensor, ""]:
    """int_0^T |sum_i w_i exp(a_i t)|^2 dt = sum_ij w_i w_j* (exp(s T) - 1)/s for s = a_i + a_j*."""
    pairs = rates[:, None] + rates.conj()
    return (weights @ ((torch.exp(pairs * horizon) - 1) / pairs) @ weights.conj()).real
