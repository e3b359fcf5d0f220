"""P11: the same layer by scan, recurrence and convolution; how far PTD may be from exact HiPPO."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.convolution import fft_convolve
from common.kernels.discretise import zoh
from common.kernels.hippo import legs
from common.kernels.s5 import s5_apply
from common.kernels.scan import diagonal_scan
from common.kernels.transfer import zoh_transfer_function, zoh_transfer_function_diagonal
from common.kernels.vandermonde import vandermonde_kernel
from common.nn.modal import ModalBasis
from papers.s5_ptd.models import ptd_basis
from papers.s5_ptd.tasks.classify import cache


def run(context: RunContext) -> TaskResult:
    """Largest disagreements, and the error against the dense system over its exact bound."""
    task = context.config.task
    basis, _ = ptd_basis(task.state_size, task.ratio, cache=cache(context), track=context.track)
    u = smooth_input(task.length)
    generator = torch.Generator().manual_seed(context.config.seed)
    outputs = {
        "e0": torch.eye(task.state_size, dtype=torch.float64)[0],
        "random": torch.randn(task.state_size, generator=generator, dtype=torch.float64),
    }
    metrics = three_ways(basis, outputs["random"], task.steps[0], u)
    for step in task.steps:
        for name, C in outputs.items():
            over, error = against_dense(basis, C, step, u, task.angles)
            metrics[f"error_over_bound_dt{step:g}_{name}"] = over
            metrics[f"relative_error_dt{step:g}_{name}"] = error
    return TaskResult(metrics)


def smooth_input(length: int) -> Tensor:
    """A sum of a few slow waves under an envelope, float64."""
    t = torch.linspace(0, 1, length, dtype=torch.float64)
    waves = torch.sin(2 * math.pi * 3 * t) + 0.5 * torch.cos(2 * math.pi * 7 * t)
    return waves * torch.sin(math.pi * t)


def three_ways(basis: ModalBasis, C: Tensor, step: float, u: Tensor) -> dict[str, float]:
    """Scan, fused layer and convolution against the step-by-step recurrence, in float64."""
    lam_bar, scale = zoh(basis.lam, torch.tensor(step, dtype=torch.float64))
    B_bar = scale * basis.input_modal()
    C_modal = C.to(basis.V.dtype) @ basis.V
    slow = recurrence(lam_bar, B_bar, C_modal, u)
    scanned = (diagonal_scan(lam_bar, B_bar * u[:, None]) @ C_modal).real
    fused = s5_apply(u[None, :, None], lam_bar, B_bar[:, None], C_modal[None])[0, :, 0]
    weights, lam_step = (C_modal * B_bar)[None], (basis.lam * step)[None]
    # The kernel doubles the real part for a halved spectrum; this one is complete.
    convolved = fft_convolve(u[None], vandermonde_kernel(weights, lam_step, len(u)) / 2)[0]
    size = float(slow.abs().max())
    return {
        f"{name}_error": float((y - slow).abs().max()) / size
        for name, y in (("scan", scanned), ("fused", fused), ("convolution", convolved))
    }


def recurrence(lam_bar: Tensor, B_bar: Tensor, C: Tensor, u: Tensor) -> Tensor:
    """y_k = Re(C x_k), x_k = lam_bar x_{k-1} + B_bar u_k, one step after the other."""
    x, y = torch.zeros_like(lam_bar), []
    for value in u:
        x = lam_bar * x + B_bar * value
        y.append((C @ x).real)
    return torch.stack(y)


def against_dense(
    basis: ModalBasis, C: Tensor, step: float, u: Tensor, angles: int
) -> tuple[float, float]:
    """||y_ptd - y_dense|| / ||u|| over its bound, and itself.

    The bound is the supremum over the unit circle of the difference of the two ZOH transfer
    functions, the operator norm of the difference on sequences (Parseval).
    """
    A, B = legs(len(C))
    lam_bar, scale = zoh(basis.lam, torch.tensor(step, dtype=torch.float64))
    C_modal = C.to(basis.V.dtype) @ basis.V
    y = recurrence(lam_bar, scale * basis.input_modal(), C_modal, u)
    dense = dense_output(A, B, C, step, u)
    theta = torch.linspace(0, math.pi, angles, dtype=torch.float64)
    ours = zoh_transfer_function_diagonal(basis.lam, basis.input_modal(), C_modal, 0.0, step, theta)
    theirs = zoh_transfer_function(A, B, C, 0.0, step, theta)
    bound = float((ours - theirs).abs().max())
    error = float(torch.linalg.vector_norm(y - dense) / torch.linalg.vector_norm(u))
    return error / bound, error


def dense_output(A: Tensor, B: Tensor, C: Tensor, step: float, u: Tensor) -> Tensor:
    """The dense HiPPO system under the zero-order hold, A_bar and B_bar by one exponential."""
    n = len(C)
    augmented = torch.zeros(n + 1, n + 1, dtype=torch.float64)
    augmented[:n, :n], augmented[:n, n] = A, B
    exponential = torch.linalg.matrix_exp(augmented * step)
    A_bar, B_bar = exponential[:n, :n], exponential[:n, n]
    x, y = torch.zeros(n, dtype=torch.float64), []
    for value in u:
        x = A_bar @ x + B_bar * value
        y.append(C @ x)
    return torch.stack(y)
