"""C12: with Q by its mean, the rule without noise is gradient descent on 1/4 ||U U^T - X*||^2."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import positive_semidefinite
from common.recovery.sensing import Population
from papers.subgm.losses import Loss
from papers.subgm.models import iterates, random_start
from papers.subgm.sign_rip import NOISELESS
from papers.subgm.steps import Proportional


class MeanAbsolute(Loss):
    """f and Q in the mean over A, of residuals that are the entries of X = U U^T - X*: |<A, X>| is
    half normal of deviation ||X||, and its direction sqrt(2 / pi) X / ||X||."""

    def value(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b"]:
        return NOISELESS * residual.norm(dim=-1)

    def weights(self, residual: Float[Tensor, "*b m"]) -> Float[Tensor, "*b m"]:
        # What follows divides by the number of measurements, of which the mean has none.
        scale = NOISELESS * residual.shape[-1]
        return scale * residual / residual.norm(dim=-1, keepdim=True)


def run(context: RunContext) -> TaskResult:
    """``apart``, the largest difference of the method's iterates from those of gradient descent by
    autograd; ``last``, the error."""
    task = context.config.task
    rng = np.random.default_rng(context.config.seed)
    truth = positive_semidefinite([1.0] * task.rank, task.size, rng)
    truth = truth.to(device(context.config.trainer))
    start = random_start(task.size, task.width, task.alpha, rng).to(truth)
    other, apart, error = start.clone().requires_grad_(), 0.0, 0.0
    every = Population((task.size, task.size))
    rule = Proportional(task.eta0)
    for now in iterates(start[None], truth.flatten(), every, rule, task.steps, MeanAbsolute()):
        apart = max(apart, float((now.u[0] - other).detach().abs().max()))
        error = float(torch.linalg.matrix_norm(now.product[0] - truth))
        value = (other @ other.mT - truth).square().sum() / 4
        (gradient,) = torch.autograd.grad(value, other)
        other = (other - task.eta0 * gradient).detach().requires_grad_()
        context.stop.raise_if_set()
    return TaskResult({"apart": apart, "last": error})
