"""The method as a ``torch.optim`` optimiser, for a loss of one's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from common.errors import InvalidInputError
from papers.subgm.steps import Decaying, Norm, Proportional, Rule


class SubGM(Optimizer):
    """U+ = U - eta_t Q(U) U of one factor U, (d, k).

    Args:
        params: the factor.
        eta0: of both rules of steps.
        rho: decay, eta_0 rho^t / ||Q||; None takes the rule without noise, (pi / 2) eta_0 f.
        normalise: by which norm of Q a decaying step is divided; "none" by none.

    Raises:
        InvalidInputError: more than one parameter; a setting out of its range.
    """

    def __init__(
        self,
        params,
        eta0: float = 0.25,
        rho: float | None = 0.98,
        normalise: Norm = "spectral",
    ):
        self.rule: Rule = Proportional(eta0) if rho is None else Decaying(eta0, rho, normalise)
        super().__init__(params, {"t": 0})
        factors = [factor for group in self.param_groups for factor in group["params"]]
        if len(factors) != 1 or factors[0].ndim != 2:
            raise InvalidInputError(
                f"{len(factors)} parameters of shapes {[tuple(f.shape) for f in factors]}; "
                f"allowed: one matrix, the factor U."
            )

    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
        """One step.

        Args:
            closure: gives f, a scalar, and Q(U), (d, d), at the present U, by autograd or not; of Q
                the symmetric part is taken.

        Returns:
            f, before the step.
        """
        group = self.param_groups[0]
        (factor,) = group["params"]
        with torch.enable_grad():
            loss, q = closure()
        loss, q = loss.detach(), q.detach()
        q = 0.5 * (q + q.mT)
        eta = self.rule.eta(group["t"], loss[None], q[None])
        factor -= eta * (q @ factor)
        group["t"] += 1
        return loss
