"""GaLore (Zhao et al. 2024): Adam in the subspace of the gradient's leading singular vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from common.errors import InvalidInputError


class GaLoreAdamW(torch.optim.Optimizer):
    """AdamW whose groups may have a ``rank``: their matrices are updated in a projection.

    For a gradient G (m, n), P are its leading ``rank`` left singular vectors (m <= n; else its
    right ones), taken anew every ``refresh`` steps; Adam runs on Pᵀ G (or G P), and P takes its
    step back. The moments are kept when P changes, as published.

    Args:
        params: groups; ``rank`` 0, the default, is plain AdamW.
        lr: of Adam.
        betas: of the moments.
        eps: added to the root of the second moment.
        weight_decay: decoupled.
        rank: see above.
        refresh: steps between two projections.
        scale: of the projected step.

    Raises:
        InvalidInputError: a group's rank exceeds a side of one of its matrices, or one of its
            parameters is no matrix.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        rank: int = 0,
        refresh: int = 200,
        scale: float = 1.0,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "rank": rank,
            "refresh": refresh,
            "scale": scale,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"] if group["rank"] else ():
                if p.ndim != 2 or group["rank"] > min(p.shape):
                    raise InvalidInputError(
                        f"rank={group['rank']} for a parameter of shape {tuple(p.shape)}; GaLore "
                        "projects matrices, to at most their smaller side."
                    )

    @torch.no_grad()
    def step(self, closure=None):
        """One step; ``closure`` as of every optimiser."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group)
        return loss

    def _update(self, p: Tensor, group: dict) -> None:
        state = self.state[p]
        if not state:
            state["step"] = 0
        grad = p.grad
        if group["rank"]:
            if state["step"] % group["refresh"] == 0:
                state["projection"] = _leading(grad, group["rank"])
            grad = _project(grad, state["projection"])
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(grad)
            state["exp_avg_sq"] = torch.zeros_like(grad)
        state["step"] += 1
        first, second = group["betas"]
        state["exp_avg"].lerp_(grad, 1 - first)
        state["exp_avg_sq"].mul_(second).addcmul_(grad, grad, value=1 - second)
        unbiased = state["exp_avg_sq"] / (1 - second ** state["step"])
        step = state["exp_avg"] / (1 - first ** state["step"]) / (unbiased.sqrt() + group["eps"])
        if group["rank"]:
            step = group["scale"] * _lift(step, state["projection"], p.shape)
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(step, alpha=-group["lr"])


def _leading(grad: Tensor, rank: int) -> Tensor:
    wide = grad if grad.dtype == torch.float64 else grad.float()
    U, _, Vh = torch.linalg.svd(wide, full_matrices=False)
    of_rows = grad.shape[0] <= grad.shape[1]
    return (U[:, :rank] if of_rows else Vh[:rank].T).to(grad.dtype).contiguous()


def _project(grad: Tensor, projection: Tensor) -> Tensor:
    return projection.T @ grad if grad.shape[0] <= grad.shape[1] else grad @ projection


def _lift(step: Tensor, projection: Tensor, shape: torch.Size) -> Tensor:
    return projection @ step if shape[0] <= shape[1] else step @ projection.T
