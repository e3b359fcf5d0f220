"""Extremes of log R(x), R(x) = sum_i b_i |y_i|^p / sum_i |y_i|^p, y = Q x: L-BFGS from many starts
at once, up from some and down from others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from papers.sensitivity_sampling.powers import power, signed_power

_MEMORY = 8
_STEPS = 150
_SETTLED = 1e-7  # change of log R in a step


@dataclass(frozen=True)
class Ratio:
    """R of weights that are 0 for most rows.

    Attributes:
        basis: Q, orthonormal columns.
        index: rows of weight above 0.
        weights: b of these.
        p: of the norm.
        smoothing: e; |y| is taken as sqrt(y^2 + e^2), e relative to ||x||_2 / sqrt(n). For p = 1.
    """

    basis: Float[Tensor, "n d"]
    index: Int[Tensor, " kept"]
    weights: Float[Tensor, " kept"]
    p: float
    smoothing: float = 0.0

    def at(self, x: Float[Tensor, "b d"]) -> Float[Tensor, " b"]:
        """R(x), not smoothed."""
        values = power(x @ self.basis.mT, self.p)
        return values[:, self.index] @ self.weights / values.sum(1)

    def log_and_gradient(
        self, x: Float[Tensor, "b d"]
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, "b d"]]:
        """log R and its gradient; -inf where no kept row sees x."""
        y = x @ self.basis.mT
        if self.smoothing:
            width = self.smoothing * x.norm(dim=1, keepdim=True) * len(self.basis) ** -0.5
            sizes = (y.square() + width.square()).sqrt()
            slopes = y / sizes
        else:
            slopes = signed_power(y, self.p - 1)
            sizes = slopes * y
        kept = slopes[:, self.index] * self.weights
        above, below = sizes[:, self.index] @ self.weights, sizes.sum(1)
        gradient = (kept @ self.basis[self.index]) / above[:, None]
        gradient = self.p * (gradient - (slopes @ self.basis) / below[:, None])
        return above.log() - below.log(), gradient


def extremes(
    ratio: Ratio, starts: Float[Tensor, "b d"], up: Bool[Tensor, " b"]
) -> Float[Tensor, "b d"]:
    """Where each start ends, of length 1: upwards where ``up``, else downwards. Starts that no kept
    row sees stay, as log R is -inf there."""
    sign = torch.where(up, -1.0, 1.0).to(starts)
    found = starts / starts.norm(dim=1, keepdim=True)
    value, gradient = ratio.log_and_gradient(found)
    left = value.isfinite().nonzero()[:, 0]
    x, value, gradient = found[left], sign[left] * value[left], sign[left, None] * gradient[left]
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(_STEPS):
        direction = -_two_loops(gradient, pairs)
        slope = (direction * gradient).sum(1)
        wrong = slope >= 0
        direction[wrong], slope[wrong] = -gradient[wrong], -gradient[wrong].square().sum(1)
        if not pairs:
            lengths = direction.norm(dim=1, keepdim=True).clamp(min=1e-300)
            direction, slope = direction * 0.1 / lengths, slope * 0.1 / lengths[:, 0]
        new, new_value, new_gradient = _searched(
            ratio, sign[left], x, value, gradient, direction, slope
        )
        s, g = new - x, new_gradient - gradient
        curvature = (s * g).sum(1)
        # Where it is not positive the pair says nothing; an inverse of 0 leaves it out.
        useful = curvature > 1e-12 * s.norm(dim=1) * g.norm(dim=1)
        inverse = torch.where(useful, 1 / curvature, 0.0)
        pairs = [*pairs[-_MEMORY + 1 :], (s, g, inverse)]
        going = value - new_value > _SETTLED
        found[left] = new
        x, value, gradient, left = new[going], new_value[going], new_gradient[going], left[going]
        pairs = [tuple(part[going] for part in pair) for pair in pairs]
        if not len(left):
            break
    return found / found.norm(dim=1, keepdim=True)


def _two_loops(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """The inverse Hessian of the pairs times the gradient."""
    found, factors = gradient.clone(), []
    for s, g, inverse in reversed(pairs):
        factor = inverse * (s * found).sum(1)
        found -= factor[:, None] * g
        factors.append(factor)
    if pairs:
        s, g, inverse = pairs[-1]
        squares = g.square().sum(1) * inverse
        found *= torch.where(squares > 0, 1 / squares, 1.0)[:, None]
    for (s, g, inverse), factor in zip(pairs, reversed(factors), strict=True):
        found += (factor - inverse * (g * found).sum(1))[:, None] * s
    return found


def _searched(
    ratio: Ratio,
    sign: Tensor,
    x: Tensor,
    value: Tensor,
    gradient: Tensor,
    direction: Tensor,
    slope: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Steps halved until each falls as its slope promises, by a part; x where none does."""
    found, values, gradients = x.clone(), value.clone(), gradient.clone()
    waiting = torch.arange(len(x), device=x.device)
    t = 1.0
    for _ in range(25):
        tried = x[waiting] + t * direction[waiting]
        new, new_gradient = ratio.log_and_gradient(tried)
        new, new_gradient = sign[waiting] * new, sign[waiting, None] * new_gradient
        # -inf downwards is a sample that does not see x, told before by its rank.
        fell = new.isfinite() & (new <= value[waiting] + 1e-4 * t * slope[waiting])
        done = waiting[fell]
        found[done], values[done], gradients[done] = tried[fell], new[fell], new_gradient[fell]
        waiting = waiting[~fell]
        if not len(waiting):
            break
        t /= 2
    return found, values, gradients
