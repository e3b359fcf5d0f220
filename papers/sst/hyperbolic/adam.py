"""Adam for points of the Lorentz model (Becigneul and Ganea 2019)."""

from __future__ import annotations

import torch

from papers.sst.hyperbolic import lorentz


class RiemannianAdam(torch.optim.Optimizer):
    """Each row of a parameter is a point. The first moment is a tangent vector and is transported
    along with its point; the second is one number a point, the squared length of the gradient.

    Args:
        params: matrices whose rows lie on the manifold.
        lr: of the steps along geodesics.
        betas: of the moments.
        eps: added to the root of the second moment.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        """One step; ``closure`` as of every optimiser."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p[..., :1])
                state["step"] += 1
                grad = lorentz.riemannian(p, p.grad)
                state["exp_avg"].lerp_(grad, 1 - first)
                squared = lorentz.inner(grad, grad, keepdim=True).clamp_min(0)
                state["exp_avg_sq"].lerp_(squared, 1 - second)
                unbiased = state["exp_avg_sq"] / (1 - second ** state["step"])
                direction = state["exp_avg"] / (1 - first ** state["step"])
                direction = direction / (unbiased.sqrt() + group["eps"])
                moved = lorentz.expmap(p, -group["lr"] * direction)
                carried = lorentz.transport(p, moved, state["exp_avg"])
                # Rounding leads a vector out of the tangent space as it does a point.
                state["exp_avg"].copy_(lorentz.tangent(moved, carried))
                p.copy_(moved)
        return loss
