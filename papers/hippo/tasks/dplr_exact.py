"""H11: the Cauchy and Woodbury kernel of S4 against the recurrence it stands for.

Steps are small against 1/length, so that A_bar^length is far from 0: a kernel without the factor
I - A_bar^length would wrap around. In single precision lambda, P, B and C are rounded before the
kernel sees them, which moves the system itself: the kernel is also compared with the dense system
of the rounded numbers.
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
            modal = modal_system(measure, C, dtype, halved=halved)
            got = dplr_kernel(*modal, step.to(modal[0].real.dtype), length, conj_sym=halved)
            errors[name + kept] = relative_error(got, wanted)
            same = dense_kernel_of(modal, step, length, halved=halved)
            errors[f"{name}_same_system{kept}"] = relative_error(got, same)
    return errors


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """Largest deviation over the largest entry."""
    return float((got - wanted).abs().max() / wanted.abs().max())


def dense_kernel(measure: str, C: Tensor, step: Tensor, length: int) -> Tensor:
    """``C_h A_bar^l B_bar`` with dense A_bar and B_bar, float64."""
    A, B = system(measure, C.shape[1])
    rows = [
        c @ impulse_responses(*dense_bilinear(A, B, float(dt)), length)
        for c, dt in zip(C, step, strict=True)
    ]
    return torch.stack(rows)


def dense_kernel_of(
    modal: tuple[Tensor, ...], step: Tensor, length: int, *, halved: bool
) -> Tensor:
    """The kernel of modal arguments as they are, rounded or not: dense, in complex128."""
    lam, p, _, B, C = (x.to(torch.complex128) for x in modal)
    if halved:
        lam, p, B, C = (torch.cat([x, x.conj()], -1) for x in (lam, p, B, C))
    A = torch.diag(lam) - p.mT @ p.conj()
    rows = []
    for c, dt in zip(C, step.to(modal[0].real.dtype), strict=True):
        A_bar, B_bar = dense_bilinear(A, B, float(dt))
        rows.append((c @ impulse_responses(A_bar, B_bar, length)).real)
    return torch.stack(rows)


def modal_system(
    measure: str, C: Tensor, dtype: torch.dtype, *, halved: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """lambda, p, q, B, C in the eigenvectors of the normal part; ``halved``: one of each pair."""
    parts = nplr(measure, C.shape[1])
    kept = C.shape[1] // 2 if halved else C.shape[1]
    V = parts.V[:, :kept]
    P = parts.P.to(V.dtype) @ V.conj()
    modal = (parts.lam[:kept], P, P, V.mH @ parts.B.to(V.dtype), C.to(V.dtype) @ V)
    return tuple(x.to(dtype) for x in modal)
