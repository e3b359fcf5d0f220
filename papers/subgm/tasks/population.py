"""C12: with Q by its mean, the rule without noise is gradient descent on 1/4 ||U U^T - X*||^2."""

from __future__ import annotations

import math

import numpy as np
import torch

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import positive_semidefinite
from papers.subgm.models import random_start
from papers.subgm.sign_rip import NOISELESS
from papers.subgm.steps import Proportional


def run(context: RunContext) -> TaskResult:
    """``apart``, the largest difference of the two in any step; ``last``, the error."""
    task = context.config.task
    rng = np.random.default_rng(context.config.seed)
    truth = positive_semidefinite([1.0] * task.rank, task.size, rng)
    truth = truth.to(device(context.config.trainer))
    u = random_start(task.size, task.width, task.alpha, rng).to(truth)
    other = u.clone().requires_grad_()
    rule, apart = Proportional(task.eta0), 0.0
    for t in range(task.steps):
        x = u @ u.mT - truth
        norm = torch.linalg.matrix_norm(x)
        # f and Q in the mean: |<A, X>| is half normal of deviation ||X||.
        loss, q = NOISELESS * norm, NOISELESS * x / norm
        u = u - rule.eta(t, loss[None], q[None]) * (q @ u)
        value = (other @ other.mT - truth).square().sum() / 4
        (gradient,) = torch.autograd.grad(value, other)
        other = (other - task.eta0 * gradient).detach().requires_grad_()
        apart = max(apart, float((u - other).detach().abs().max()))
        context.stop.raise_if_set()
    error = float(torch.linalg.matrix_norm(u @ u.mT - truth))
    return TaskResult({"apart": apart, "last": error, "start": math.sqrt(task.rank)})
