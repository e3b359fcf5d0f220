"""When a projection cannot raise the rank (Section 3.2).

Let T have rank r and W = T + E. The best approximation of W of rank r leaves out at most
||E||_F^2, so that D(W; e) has rank at most r as soon as ||E||_F <= sqrt(e) ||W||_F, for which
||E||_F <= sqrt(e) / (1 + sqrt(e)) ||T||_F suffices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from papers.trp.projection import Projection


def largest_change(norm: float, left_out: float) -> float:
    """Of ||E||_F, for T of this Frobenius norm, at which the rank cannot rise."""
    root = math.sqrt(left_out)
    return root / (1 + root) * norm


def largest_step(steps: int, rate: float, gradient: float, momentum: float = 0.0) -> float:
    """Bound on ||E||_F after steps of this size along gradients of at most this norm, weight decay
    included: m a G / (1 - mu)."""
    return steps * rate * gradient / (1 - momentum)


@dataclass
class Stability:
    """Watches the projections of a training.

    Attributes:
        left_out: e.
        held: (layer, projection) pairs whose change met the bound.
        broken: of those, with a rank that rose: the theorem says none.
        rises: pairs whose rank rose at all.
        ranks: of each layer at its last projection.
    """

    left_out: float
    held: int = 0
    broken: int = 0
    rises: int = 0
    ranks: dict[str, int] = field(default_factory=dict)
    _last: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def state_dict(self) -> dict[str, Any]:
        """What a training has to keep to go on watching."""
        return {**vars(self), "ranks": dict(self.ranks), "_last": dict(self._last)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name, value in state.items():
            setattr(self, name, value)

    @torch.no_grad()
    def see(self, name: str, before: Tensor, projection: Projection) -> None:
        """One projection, of the weight as training has left it since the one before."""
        low = projection.weight()
        if name in self._last:
            last = self._last[name].to(before.device)
            change = float(torch.linalg.vector_norm((before - last).double()))
            bound = largest_change(float(torch.linalg.vector_norm(last.double())), self.left_out)
            rose = projection.rank > self.ranks[name]
            self.held += change <= bound
            self.broken += change <= bound and rose
            self.rises += rose
        self.ranks[name] = projection.rank
        self._last[name] = low.clone()
