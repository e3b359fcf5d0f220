"""C6: F1, the forward error; C7: F2, incoherence is continuous."""

from __future__ import annotations

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.sketching.leverage import leverage_scores


def run(context: RunContext) -> TaskResult:
    """``forward``, the largest ||x' - x|| over its bound of all instances; ``forward_sharp``, how
    far from 1 it is along the last right singular vector; ``leverage``, the largest difference of
    roots of leverages over its bound."""
    task, rng = context.config.task, np.random.default_rng(context.config.seed)
    forward, sharp, leverage = [], [], []
    for _ in range(task.instances):
        a = torch.from_numpy(rng.standard_normal(tuple(task.least_squares)))
        b = torch.from_numpy(rng.standard_normal(task.least_squares[0]))
        moved = 10 ** rng.uniform(-3, 0) * torch.from_numpy(
            rng.standard_normal(task.least_squares[1])
        )
        forward.append(_forward(a, b, moved))
        last = torch.linalg.svd(a).Vh[-1]
        sharp.append(abs(_forward(a, b, float(moved.norm()) * last) - 1))
        one = torch.from_numpy(rng.standard_normal(tuple(task.leverage)))
        drawn = torch.from_numpy(rng.standard_normal(tuple(task.leverage)))
        leverage.append(_leverage(one, one + 10 ** rng.uniform(-3, 0) * drawn))
        context.stop.raise_if_set()
    return TaskResult(
        {"forward": max(forward), "forward_sharp": max(sharp), "leverage": max(leverage)}
    )


def _forward(a: torch.Tensor, b: torch.Tensor, moved: torch.Tensor) -> float:
    """||x' - x|| over sqrt(e) ||A x - b|| / s_min(A), e by equality."""
    best = torch.linalg.lstsq(a, b[:, None], driver="gels").solution[:, 0]
    least = (a @ best - b).norm()
    excess = (a @ (best + moved) - b).square().sum() / least.square() - 1
    bound = excess.sqrt() * least / torch.linalg.svdvals(a)[-1]
    return float(moved.norm() / bound)


def _leverage(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest |sqrt(l_i(A)) - sqrt(l_i(B))| over ||A - B|| / max(s_min(A), s_min(B))."""
    apart = (leverage_scores(a).sqrt() - leverage_scores(b).sqrt()).abs().max()
    smallest = max(float(torch.linalg.svdvals(x)[-1]) for x in (a, b))
    return float(apart) * smallest / float(torch.linalg.matrix_norm(a - b, 2))
