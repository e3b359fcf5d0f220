"""H11: the Cauchy and Woodbury kernel of S4 against the recurrence it stands for.

Steps are small against 1/length, so that A_bar^length is far from 0: a kernel without the factor
I - A_bar^length would wrap around. In single precision the poles of an undamped normal part
(LegT), on the unit circle beside the nodes, cost digits that grow with N.
"""

from __future__ import annotations

import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.dense import dense_bilinear, impulse_responses
from common.kernels.dplr import dplr_kernel
from common.kernels.hippo import nplr, system

RANKS = {1: "legs", 2: "legt"}
DTYPES = {"complex64": torch.complex64, "complex128": torch.complex128}


def run(context: RunContext) -> TaskResult:
    """Largest errors relative to the largest entry of the kernel, by rank, parity and precision."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    step = torch.logspace(-2, -1, 4, dtype=torch.float64) / 3
    metrics = {}
    for rank, measure in RANKS.items():
        for n in task.sizes:
            C = torch.randn(len(step), n, generator=generator, dtype=torch.float64)
            for parity, length in (("even", task.length), ("odd", task.length + 1)):
                errors = kernel_errors(measure, C, step, length)
                metrics |= {f"rank{rank}_n{n}_{parity}_{key}": e for key, e in errors.items()}
    return TaskResult(metrics)


def kernel_errors(measure: str, C: Tensor, step: Tensor, length: int) -> dict[str, float]:
    """By precision, from all modes and from one of each conjugate pair."""
    wanted = dense_kernel(measure, C, step, length)
    errors = {}
    for name, dtype in DTYPES.items():
        for kept, halved in (("", False), ("_halved", True)):
            got = cauchy_kernel(measure, C, step, length, dtype, halved=halved)
            errors[name + kept] = float((got - wanted).abs().max() / wanted.abs().max())
    return errors


def dense_kernel(measure: str, C: Tensor, step: Tensor, length: int) -> Tensor:
    """``C_h A_bar^l B_bar`` with dense A_bar and B_bar, float64."""
    A, B = system(measure, C.shape[1])
    rows = [
        c @ impulse_responses(*dense_bilinear(A, B, float(dt)), length)
        for c, dt in zip(C, step, strict=True)
    ]
    return torch.stack(rows)


def cauchy_kernel(
    measure: str, C: Tensor, step: Tensor, length: int, dtype: torch.dtype, *, halved: bool
) -> Tensor:
    """The same through the eigenvectors of the normal part; ``halved`` from one of each pair."""
    parts = nplr(measure, C.shape[1])
    kept = C.shape[1] // 2 if halved else C.shape[1]
    V = parts.V[:, :kept]
    P = parts.P.to(V.dtype) @ V.conj()
    arguments = (parts.lam[:kept], P, P, V.mH @ parts.B.to(V.dtype), C.to(V.dtype) @ V)
    lam, p, q, B, C = (x.to(dtype) for x in arguments)
    return dplr_kernel(lam, p, q, B, C, step.to(lam.real.dtype), length, conj_sym=halved)
