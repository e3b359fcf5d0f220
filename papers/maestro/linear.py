"""Ordered decomposition of one linear map, in double precision: the experiments of the theory.

``W_b = U_{:b} V_{:b}^T`` is to be A at every b at once; where the inputs have covariance S the
loss at width b is tr((W_b - A) S (W_b - A)^T), which is all that these trainings compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from papers.maestro.lod import column_norms


@dataclass
class LinearProblem:
    """A target and the inputs it is seen through.

    Attributes:
        target: A, (m, n).
        covariance: S, (n, n), of the inputs.
        scale: 1 over the number of entries that the mean squared error is a mean of.
    """

    target: Float[Tensor, "m n"]
    covariance: Float[Tensor, "n n"]
    scale: float

    def loss(self, U: Float[Tensor, "m b"], V: Float[Tensor, "n b"]) -> Tensor:
        """Mean squared error of ``U V^T``."""
        rest = U @ V.mT - self.target
        return (rest @ self.covariance * rest).sum() * self.scale


@dataclass
class LinearTraining:
    """Gradient descent on one sampled width a step.

    Attributes:
        rank: r.
        steps: number of steps.
        lr: rate.
        momentum: of SGD.
        init: deviation of the normal start.
        sampled: one width a step, each once before any comes again; else always r.
        full_pass: also the loss at width r in each step.
        lasso: of the norms of columns.
    """

    rank: int
    steps: int
    lr: float
    momentum: float = 0.0
    init: float = 0.3
    sampled: bool = True
    full_pass: bool = False
    lasso: float = 0.0

    def __call__(
        self,
        problem: LinearProblem,
        seed: int,
        at: dict[int, LinearProblem] | None = None,
        stop: Callable[[], None] = lambda: None,
    ) -> tuple[Float[Tensor, "m r"], Float[Tensor, "n r"]]:
        """U and V after training.

        Args:
            at: step -> problem that is trained on from there.
            stop: called now and then; raises to end.
        """
        generator = torch.Generator().manual_seed(seed)
        U, V = (
            (torch.randn(d, self.rank, generator=generator, dtype=torch.float64) * self.init)
            for d in problem.target.shape
        )
        U.requires_grad_(), V.requires_grad_()
        optimiser = torch.optim.SGD([U, V], lr=self.lr, momentum=self.momentum)
        widths: list[int] = []
        for step in range(self.steps):
            if step % 500 == 0:
                stop()
            problem = (at or {}).get(step, problem)
            if not widths:
                widths = (torch.randperm(self.rank, generator=generator) + 1).tolist()
            width = widths.pop() if self.sampled else self.rank
            loss = problem.loss(U[:, :width], V[:, :width])
            if self.full_pass:
                loss = loss + problem.loss(U, V)
            if self.lasso:
                loss = loss + self.lasso * (column_norms(U).sum() + column_norms(V).sum())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return U.detach(), V.detach()


def prefix_error(U: Tensor, V: Tensor, target: Tensor) -> float:
    """Largest squared distance, over b, of ``U_{:b} V_{:b}^T`` from the best approximation of rank
    b, over the squared norm of the target."""
    left, values, right = torch.linalg.svd(target, full_matrices=False)
    worst = 0.0
    for b in range(1, U.shape[1] + 1):
        best = left[:, :b] * values[:b] @ right[:b]
        worst = max(worst, float((U[:, :b] @ V[:, :b].mT - best).square().sum()))
    return worst / float(target.square().sum())


def objective_ratio(U: Tensor, V: Tensor, target: Tensor) -> float:
    """Mean over b of the squared distance from the target, over its least value: the mean of the
    tails of the squared singular values (Theorem 3.1)."""
    squares = torch.linalg.svdvals(target).square()
    widths = range(1, U.shape[1] + 1)
    found = sum(float((U[:, :b] @ V[:, :b].mT - target).square().sum()) for b in widths)
    return found / sum(float(squares[b:].sum()) for b in widths)


def component_norms(U: Tensor, V: Tensor) -> Float[Tensor, " r"]:
    """``||u_b|| ||v_b||``."""
    return column_norms(U) * column_norms(V)


def largest_angle(U: Float[Tensor, "d b"], basis: Float[Tensor, "d b"]) -> float:
    """Largest principal angle of the spans of the columns, in degrees."""
    cosines = torch.linalg.svdvals(torch.linalg.qr(U)[0].mT @ torch.linalg.qr(basis)[0])
    return float(torch.rad2deg(torch.acos(cosines.min().clamp(-1, 1))))
