"""Half a round: every row's own least-squares problem against the partner's orthonormal basis.

min_v ||A_j v - b_j||, A_j the partner's rows at the entries of row j. With ``ridge`` > 0 that much
of the identity is added to A_j^T A_j, which for orthonormal partners is a fraction of what full
observation would give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.sketches import KINDS
from papers.altmin_completion.least_squares import conjugate_gradient, preconditioner
from papers.altmin_completion.observed import Observed


class Solver(ABC):
    """All rows of one side."""

    @abstractmethod
    def solve(
        self,
        observed: Observed,
        partner: Float[Tensor, "n k"],
        start: Float[Tensor, "m k"],
    ) -> Float[Tensor, "m k"]:
        """Rows without an entry become 0.

        Args:
            partner: orthonormal columns.
            start: what the last half step says of this side, in the partner's basis.
        """


@dataclass(frozen=True)
class Exact(Solver):
    """By normal equations or QR; rows of fewer entries than columns get the smallest solution.

    Attributes:
        method: "normal", k^2 an entry at the rate of a matrix product; "qr", which does not square
            the condition.
        ridge: see the module.
    """

    method: Literal["normal", "qr"] = "normal"
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in ("normal", "qr"):
            raise InvalidInputError(f"method={self.method!r}; allowed: 'normal' or 'qr'.")
        _not_negative(self.ridge)

    def solve(self, observed, partner, start):
        if self.method == "qr":
            return self._by_qr(observed, partner)
        if observed.is_dense:
            k = partner.shape[1]
            pairs = (partner[:, :, None] * partner[:, None, :]).flatten(1)
            grams = (observed.mask @ pairs).unflatten(1, (k, k))
            return _solved(grams, observed.filled @ partner, self.ridge)
        found = partner.new_zeros(observed.shape[0], partner.shape[1])
        for block in observed.blocks:
            a = block.gather(partner)
            right = (a.mT @ block.values[..., None])[..., 0]
            found[block.rows] = _solved(a.mT @ a, right, self.ridge)
        return found

    def _by_qr(self, observed: Observed, partner: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
        k = partner.shape[1]
        found = partner.new_zeros(observed.shape[0], k)
        root = self.ridge**0.5 * torch.eye(k, dtype=partner.dtype, device=partner.device)
        for block in observed.blocks:
            a, b = block.gather(partner), block.values
            if self.ridge:
                a = torch.cat([a, root.expand(len(a), k, k)], 1)
                b = torch.cat([b, b.new_zeros(len(b), k)], 1)
            full = block.known.sum(-1) >= k if not self.ridge else torch.ones_like(block.rows) > 0
            if bool(full.any()):
                q, r = torch.linalg.qr(a[full])
                right = q.mT @ b[full][..., None]
                found[block.rows[full]] = torch.linalg.solve_triangular(r, right, upper=True)[
                    ..., 0
                ]
            if not bool(full.all()):
                smallest = torch.linalg.pinv(a[~full]) @ b[~full][..., None]
                found[block.rows[~full]] = smallest[..., 0]
        return found


@dataclass(frozen=True)
class ConjugateGradient(Solver):
    """A few steps on the normal equations, 4 k operations an entry each.

    Attributes:
        steps: of them.
        warm: start from what the last half step says; from 0 otherwise.
        ridge: see the module.
    """

    steps: int = 2
    warm: bool = True
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidInputError(f"steps={self.steps}; allowed: 1 or more.")
        _not_negative(self.ridge)

    def solve(self, observed, partner, start):
        begin = start if self.warm else torch.zeros_like(start)
        if observed.is_dense:

            def normal(z: Tensor) -> Tensor:
                return (observed.mask * (z @ partner.mT)) @ partner + self.ridge * z

            return conjugate_gradient(normal, observed.filled @ partner, begin, self.steps)
        found = torch.zeros_like(start)
        for block in observed.blocks:
            a = block.gather(partner)
            found[block.rows] = conjugate_gradient(
                lambda z, a=a: _normal(a, z) + self.ridge * z,
                (a.mT @ block.values[..., None])[..., 0],
                begin[block.rows],
                self.steps,
            )
        return found


@dataclass(frozen=True)
class Sketched(Solver):
    """Conjugate gradients preconditioned by a sketch of A_j: their number of steps is free of its
    condition. Rows of at most 8 k entries are solved exactly, where no sketch can win.

    Attributes:
        steps: of conjugate gradients.
        factor: c, the sketch has c k rows.
        kind: one of ``common.sketching.sketches.KINDS``.
        warm: see ``ConjugateGradient``.
        seed: of the sketches, drawn anew for every block and half step.
    """

    steps: int = 3
    factor: int = 4
    kind: str = "count"
    warm: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"kind={self.kind!r}; allowed: {', '.join(KINDS)}.")
        if self.steps < 1 or self.factor < 1:
            raise InvalidInputError(
                f"steps={self.steps}, factor={self.factor}; allowed: 1 or more of both."
            )

    def solve(self, observed, partner, start):
        k = partner.shape[1]
        found = torch.zeros_like(start)
        rng = np.random.default_rng([self.seed, *observed.shape])
        for block in observed.blocks:
            a = block.gather(partner)
            right = (a.mT @ block.values[..., None])[..., 0]
            if block.index.shape[1] <= 8 * k:
                found[block.rows] = _solved(a.mT @ a, right, 0.0)
                continue
            sketch = KINDS[self.kind](self.factor * k, block.index.shape[1], rng)
            r = preconditioner(sketch.apply(a))
            q = torch.linalg.solve_triangular(r, a, upper=True, left=False)
            begin = start[block.rows] if self.warm else right.new_zeros(right.shape)
            z = conjugate_gradient(
                lambda z, q=q: _normal(q, z),
                (q.mT @ block.values[..., None])[..., 0],
                (r @ begin[..., None])[..., 0],
                self.steps,
            )
            found[block.rows] = torch.linalg.solve_triangular(r, z[..., None], upper=True)[..., 0]
        return found


def _normal(a: Float[Tensor, "g n k"], z: Float[Tensor, "g k"]) -> Float[Tensor, "g k"]:
    return (a.mT @ (a @ z[..., None]))[..., 0]


def _solved(
    grams: Float[Tensor, "g k k"], right: Float[Tensor, "g k"], ridge: float
) -> Float[Tensor, "g k"]:
    """By Cholesky's factors; where there are none, the smallest solution."""
    if ridge:
        eye = torch.eye(grams.shape[-1], dtype=grams.dtype, device=grams.device)
        grams = grams + ridge * eye
    factors, failed = torch.linalg.cholesky_ex(grams)
    # A factor of rounding size stands for a direction that no entry sees.
    diagonal = factors.diagonal(dim1=-2, dim2=-1)
    bad = (failed > 0) | (diagonal.amin(-1) < 1e-7 * diagonal.amax(-1))
    found = torch.zeros_like(right)
    if not bool(bad.all()):
        found[~bad] = torch.cholesky_solve(right[~bad][..., None], factors[~bad])[..., 0]
    if bool(bad.any()):
        inverse = torch.linalg.pinv(grams[bad], hermitian=True)
        found[bad] = (inverse @ right[bad][..., None])[..., 0]
    return found


def _not_negative(ridge: float) -> None:
    if not ridge >= 0:
        raise InvalidInputError(f"ridge={ridge}; allowed: 0 or more.")
