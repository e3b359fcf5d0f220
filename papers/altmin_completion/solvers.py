"""Half a round: every row's own least-squares problem against the partner's orthonormal basis.

min_v ||A_j v - b_j||, A_j the partner's rows at the entries of row j. With ``ridge`` > 0 that much
of the identity is added to A_j^T A_j, which for orthonormal partners is a fraction of what full
observation would give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.sketches import KINDS
from papers.altmin_completion.direct import by_qr, full_rank, normal_equations, ridged
from papers.altmin_completion.least_squares import conjugate_gradient
from papers.altmin_completion.observed import Block, Observed
from papers.altmin_completion.products import normal, transposed


class Solver(ABC):
    """All rows of one side."""

    @abstractmethod
    def solve(
        self,
        observed: Observed,
        partner: Float[Tensor, "n k"],
        start: Float[Tensor, "m k"],
    ) -> Float[Tensor, "m k"]:
        """Rows without an entry become 0; those of fewer entries than columns, or whose entries
        meet dependent rows of the partner, have many solutions: see each solver.

        Args:
            partner: orthonormal columns.
            start: what the last half step says of this side, in the partner's basis.
        """


@dataclass(frozen=True)
class Exact(Solver):
    """By normal equations or QR; of many solutions a row gets the smallest.

    Rows whose condition normal equations would square beyond half of the digits are solved by QR.

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
        found = partner.new_zeros(observed.shape[0], partner.shape[1])
        if self.method == "qr":
            for block in observed.blocks:
                found[block.rows], _ = self.of_block(block.gather(partner), block.values)
            return found
        bad = torch.zeros(observed.shape[0], dtype=torch.bool, device=partner.device)
        if observed.is_dense:
            k = partner.shape[1]
            pairs = (partner[:, :, None] * partner[:, None, :]).flatten(1)
            grams = self._ridged((observed.mask @ pairs).unflatten(1, (k, k)))
            found, bad = normal_equations(grams, observed.filled @ partner)
        else:
            for block in observed.blocks:
                solved = self.of_block(block.gather(partner), block.values)
                found[block.rows], bad[block.rows] = solved
        if bool(bad.any()):
            _solve_carefully(observed, partner, bad, found, self.ridge)
        return found

    def of_block(
        self, a: Float[Tensor, "g n k"], b: Float[Tensor, "g n"]
    ) -> tuple[Float[Tensor, "g k"], Bool[Tensor, " g"]]:
        """Of gathered rows, and which of them need more care."""
        if self.method == "qr":
            found = by_qr(*ridged(a, b, self.ridge))
            return found, torch.zeros(len(a), dtype=torch.bool, device=a.device)
        return normal_equations(self._ridged(a.mT @ a), transposed(a, b))

    def _ridged(self, grams: Float[Tensor, "g k k"]) -> Float[Tensor, "g k k"]:
        """In place."""
        if self.ridge:
            grams.diagonal(dim1=-2, dim2=-1).add_(self.ridge)
        return grams


@dataclass(frozen=True)
class ConjugateGradient(Solver):
    """A few steps on the normal equations, 4 k operations an entry each.

    Without a ridge rows of fewer entries than columns get the smallest solution, exactly. Where
    entries meet dependent rows of the partner, steps go to the solution nearest to their start.

    Attributes:
        steps: of them.
        warm: start from what the last half step says; from 0 otherwise.
        ridge: see the module.
    """

    steps: int = 2
    warm: bool = True
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.steps, Integral) or self.steps < 1:
            raise InvalidInputError(f"steps={self.steps}; allowed: whole, 1 or more.")
        _not_negative(self.ridge)

    def solve(self, observed, partner, start):
        begin = start if self.warm else None
        if observed.is_dense:

            def by_mask(z: Tensor) -> Tensor:
                return (observed.mask * (z @ partner.mT)) @ partner + self.ridge * z

            right = observed.filled @ partner
            found = conjugate_gradient(by_mask, right, begin, self.steps, 1 + self.ridge)
            found[observed.counts == 0] = 0
        else:
            found = torch.zeros_like(start)
            for block in observed.blocks:
                from_there = None if begin is None else begin[block.rows]
                a = block.gather(partner)
                found[block.rows] = self.of_block(a, block.values, from_there)
        short = observed.counts < partner.shape[1]
        if not self.ridge and bool(short.any()):
            _solve_carefully(observed, partner, short, found)
        return found

    def of_block(
        self,
        a: Float[Tensor, "g n k"],
        b: Float[Tensor, "g n"],
        start: Float[Tensor, "g k"] | None,
    ) -> Float[Tensor, "g k"]:
        """Of gathered rows; from 0 without a start, which saves a product with A and A^T."""
        return conjugate_gradient(
            lambda z: normal(a, z) + self.ridge * z if self.ridge else normal(a, z),
            transposed(a, b),
            start,
            self.steps,
            1 + self.ridge,
        )


@dataclass(frozen=True)
class Sketched(Solver):
    """Conjugate gradients preconditioned by a sketch of A_j: their number of steps is free of its
    condition. Rows of at most 8 k entries, where no sketch can win, and rows whose sketch has
    dependent columns are solved exactly.

    Attributes:
        steps: of conjugate gradients.
        factor: c, the sketch has c k rows, and no more than the longest row of a block has
            entries; None takes 4, and 16 of "count", whose rows collide.
        kind: one of ``common.sketching.sketches.KINDS``; the paper's is "hadamard".
        warm: see ``ConjugateGradient``.
        seed: of the sketches. They are drawn anew for every block and half step, one after the
            other: a second run of the same solver sees others.
    """

    steps: int = 3
    factor: int | None = None
    kind: str = "hadamard"
    warm: bool = True
    seed: int = 0
    _drawn: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"kind={self.kind!r}; allowed: {', '.join(KINDS)}.")
        counts = (self.steps, 1 if self.factor is None else self.factor)
        if not all(isinstance(x, Integral) and x >= 1 for x in counts):
            raise InvalidInputError(
                f"steps={self.steps}, factor={self.factor}; allowed: whole, 1 or more of both."
            )
        object.__setattr__(self, "_drawn", np.random.default_rng(self.seed))

    def solve(self, observed, partner, start):
        found = torch.zeros_like(start)
        bad = torch.zeros(observed.shape[0], dtype=torch.bool, device=partner.device)
        many = observed.counts > 8 * partner.shape[1]
        for block in observed.blocks:
            long = many[block.rows]
            if bool(long.any()):
                part = block.part(long)
                found[part.rows], full = self._preconditioned(part, partner, start)
                bad[part.rows] = ~full
            if not bool(long.all()):
                part = block.part(~long)
                a = part.gather(partner)
                right = transposed(a, part.values)
                found[part.rows], bad[part.rows] = normal_equations(a.mT @ a, right)
        if bool(bad.any()):
            _solve_carefully(observed, partner, bad, found)
        return found

    def _preconditioned(
        self, block: Block, partner: Float[Tensor, "n k"], start: Float[Tensor, "m k"]
    ) -> tuple[Float[Tensor, "g k"], Bool[Tensor, " g"]]:
        """Solutions, and of which rows the sketch is of full rank."""
        width, k = block.index.shape[1], partner.shape[1]
        factor = (16 if self.kind == "count" else 4) if self.factor is None else self.factor
        a = block.gather(partner)
        sketch = KINDS[self.kind](min(factor * k, width), width, self._drawn)
        r = torch.linalg.qr(sketch.apply(a), mode="r").R
        full = full_rank(r)
        r = torch.where(full[:, None, None], r, torch.eye(k, dtype=r.dtype, device=r.device))
        q = torch.linalg.solve_triangular(r, a, upper=True, left=False)
        z = conjugate_gradient(
            lambda z: normal(q, z),
            transposed(q, block.values),
            (r @ start[block.rows][..., None])[..., 0] if self.warm else None,
            self.steps,
            q.square().sum((-2, -1))[:, None],
        )
        return torch.linalg.solve_triangular(r, z[..., None], upper=True)[..., 0], full


def _solve_carefully(
    observed: Observed,
    partner: Float[Tensor, "n k"],
    which: Bool[Tensor, " m"],
    found: Float[Tensor, "m k"],
    ridge: float = 0.0,
) -> None:
    """Rows of ``found`` are solved by QR, by singular values where columns depend on each other."""
    for block in observed.blocks:
        chosen = which[block.rows]
        if bool(chosen.any()):
            part = block.part(chosen)
            found[part.rows] = by_qr(*ridged(part.gather(partner), part.values, ridge))


def _not_negative(ridge: float) -> None:
    if not ridge >= 0:
        raise InvalidInputError(f"ridge={ridge}; allowed: 0 or more.")
