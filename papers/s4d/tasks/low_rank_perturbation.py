"""The remark after theorem 3: HiPPO's rank-one part can be dropped, but not replaced.

A_H = A_perp - p p^T. Without p p^T (and with half of B) the kernels averaged over a step are those
of HiPPO but for O(1/N); with a random q of p's norm in its place they have nothing to do with them,
though A_perp - q q^T is stable; A_perp + q q^T blows up.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.dense import dense_zoh, impulse_responses
from common.kernels.hippo import legs, legs_normal

COMPONENTS = 4


def run(context: RunContext) -> TaskResult:
    """Relative errors of the first components under a zero-order hold, and growth rates."""
    task = context.config.task
    p = torch.sqrt(torch.arange(task.state_size, dtype=torch.float64) + 0.5)
    A, B = legs_normal(task.state_size), legs(task.state_size)[1]
    wanted = held(A - torch.outer(p, p), B, task.step, task.length)
    dropped = distance(held(A, B / 2, task.step, task.length), wanted)
    errors, rates = [], []
    for seed in context.track(range(task.seeds), "random rank-one parts"):
        q = random_direction(len(p), seed) * torch.linalg.vector_norm(p)
        found = held(A - torch.outer(q, q), B, task.step, task.length)
        errors.append(distance(found, wanted))
        rates.append(float(torch.linalg.eigvals(A + torch.outer(q, q)).real.max()))
    return TaskResult(
        {
            "error_dropped": dropped,
            "error_random_least": min(errors),
            "error_random_median": float(np.median(errors)),
            "growth_random_least": min(rates),
        }
    )


def held(
    A: Float[Tensor, "n n"], B: Float[Tensor, " n"], step: float, length: int
) -> Float[Tensor, "component {length}"]:
    """The first kernels, averaged over each step."""
    return impulse_responses(*dense_zoh(A, B, step), length)[:COMPONENTS] / step


def distance(found: Tensor, wanted: Tensor) -> float:
    """Relative, in L2."""
    return float(torch.linalg.norm(found - wanted) / torch.linalg.norm(wanted))


def random_direction(n: int, seed: int) -> Float[Tensor, " {n}"]:
    """Uniform on the unit sphere, float64."""
    q = torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return q / torch.linalg.vector_norm(q)
