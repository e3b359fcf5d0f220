"""The entries of a matrix that are known, by rows: padded blocks of rows of like lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from common.errors import InvalidInputError

# With this share of the entries or more, on sides of at most so many, products with the whole mask
# are taken for gathers: a matrix product runs at full speed.
DENSE_SHARE = 0.1
DENSE_SIDE = 2000
# Rows go into one block while padding is at most this part of it,
_PADDING = 0.15
# and while its entries are at most so many: what is gathered of them stays in a processor's cache.
_ENTRIES = {"cpu": 1 << 16, "cuda": 1 << 22}


@dataclass(frozen=True)
class Block:
    """Rows of like numbers of entries.

    Attributes:
        rows: which.
        index: columns of their entries; where there is none, one beyond the last.
        values: 0 there.
        known: which are entries.
    """

    rows: Int[Tensor, " g"]
    index: Int[Tensor, "g n"]
    values: Float[Tensor, "g n"]
    known: Bool[Tensor, "g n"]

    def gather(self, partner: Float[Tensor, "columns k"]) -> Float[Tensor, "g n k"]:
        """A_j of every row: the partner's rows at its entries, zeros beyond."""
        # A row of zeros below is cheaper than zeroing what was gathered.
        return functional.embedding(self.index, functional.pad(partner, (0, 0, 0, 1)))

    def part(self, which: Bool[Tensor, " g"]) -> Block:
        """Some of the rows, padded no further than they need."""
        known = self.known[which]
        width = int(known.sum(-1).amax())
        index, values = self.index[which, :width], self.values[which, :width]
        return Block(self.rows[which], index, values, known[:, :width])


@dataclass(frozen=True)
class Observed:
    """P_Omega(M).

    Attributes:
        shape: of M.
        rows: of the entries, sorted.
        columns: of the entries.
        values: of the entries.

    Raises:
        InvalidInputError: rows, columns and values are not as many, or not whole numbers; an index
            is outside, an entry is given twice or is not finite, or there is none.
    """

    shape: tuple[int, int]
    rows: Int[Tensor, " entries"]
    columns: Int[Tensor, " entries"]
    values: Float[Tensor, " entries"]

    def __post_init__(self) -> None:
        m, n = self.shape
        sizes = [tuple(part.shape) for part in (self.rows, self.columns, self.values)]
        if len(set(sizes)) > 1 or self.values.ndim != 1:
            raise InvalidInputError(
                f"rows, columns and values of shapes {sizes}; allowed: one dimension, as many of "
                f"each."
            )
        for name in ("rows", "columns"):
            places = getattr(self, name)
            if places.is_floating_point() or places.is_complex() or places.dtype == torch.bool:
                raise InvalidInputError(f"{name} of {places.dtype}; allowed: whole numbers.")
            # A place is row * n + column: 32 bits would overflow.
            object.__setattr__(self, name, places.long())
        if not len(self.values):
            raise InvalidInputError(f"No entry of the {m} x {n} matrix is known: nothing to fit.")
        inside = (self.rows >= 0) & (self.rows < m) & (self.columns >= 0) & (self.columns < n)
        if not bool(inside.all()):
            raise InvalidInputError(
                f"{int((~inside).sum())} entries lie outside of {m} x {n}; allowed: rows 0 to "
                f"{m - 1}, columns 0 to {n - 1}."
            )
        if not self.values.dtype.is_floating_point or not bool(self.values.isfinite().all()):
            raise InvalidInputError(
                f"values of {self.values.dtype} with NaN, infinity or whole numbers; allowed: "
                f"finite floats. Leave unknown entries out."
            )
        place = self.rows * n + self.columns
        if bool((place[1:] <= place[:-1]).any()):
            ordered = place.sort().values
            if bool((ordered[1:] == ordered[:-1]).any()):
                raise InvalidInputError("An entry is given twice; add or average such entries.")
            order = place.argsort()
            for name in ("rows", "columns", "values"):
                object.__setattr__(self, name, getattr(self, name)[order])

    def to(self, device: torch.device) -> Observed:
        """The same on a device."""
        places = (part.to(device) for part in (self.rows, self.columns, self.values))
        return Observed(self.shape, *places)

    @classmethod
    def of_mask(cls, matrix: Float[Tensor, "m n"], mask: Bool[Tensor, "m n"]) -> Observed:
        """The entries where the mask is true."""
        rows, columns = mask.nonzero(as_tuple=True)
        return cls(tuple(matrix.shape), rows, columns, matrix[mask])

    @cached_property
    def transposed(self) -> Observed:
        """Those of M^T."""
        order = (self.columns * self.shape[0] + self.rows).argsort()
        return Observed(self.shape[::-1], self.columns[order], self.rows[order], self.values[order])

    @property
    def share(self) -> float:
        """p: of the entries that are known."""
        return len(self.values) / (self.shape[0] * self.shape[1])

    @cached_property
    def counts(self) -> Int[Tensor, " m"]:
        """Entries of each row."""
        return torch.bincount(self.rows, minlength=self.shape[0])

    def fewer_than(self, least: int) -> int:
        """Rows and columns of fewer entries."""
        return int((self.counts < least).sum() + (self.transposed.counts < least).sum())

    def error(self, matrix: Float[Tensor, "m n"], truth: Float[Tensor, "m n"]) -> float:
        """Relative, Frobenius, of the rows and columns that have an entry: of others nothing can
        be said."""
        apart, whole = matrix - truth, truth
        if self.fewer_than(1):
            rows, columns = self.counts > 0, self.transposed.counts > 0
            apart, whole = (x[rows][:, columns] for x in (apart, whole))
        return float(apart.norm() / whole.norm())

    @property
    def is_dense(self) -> bool:
        """Products with the whole mask are the cheaper."""
        return self.share >= DENSE_SHARE and max(self.shape) <= DENSE_SIDE

    @cached_property
    def mask(self) -> Float[Tensor, "m n"]:
        """1 where an entry is known."""
        return self._spread(torch.ones_like(self.values))

    @cached_property
    def filled(self) -> Float[Tensor, "m n"]:
        """Zeros where none is."""
        return self._spread(self.values)

    @cached_property
    def blocks(self) -> list[Block]:
        """All rows that have an entry, in blocks of like lengths."""
        order = self.counts.argsort(descending=True, stable=True)
        lengths = self.counts[order].tolist()
        starts = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])
        most = _ENTRIES.get(self.values.device.type, 1 << 22)
        found, first = [], 0
        while first < len(lengths) and lengths[first]:
            last, total = first, 0
            end = min(len(lengths), first + max(1, most // lengths[first]))
            while last < end and lengths[last]:
                total += lengths[last]
                if total < (1 - _PADDING) * lengths[first] * (last - first + 1):
                    break
                last += 1
            found.append(self._block(order[first:last], lengths[first], starts))
            first = last
        return found

    def split(self, parts: int, rng: np.random.Generator) -> list[Observed]:
        """Every entry goes to one of ``parts`` at random.

        Raises:
            InvalidInputError: a part would be empty.
        """
        to = torch.from_numpy(rng.integers(parts, size=len(self.values))).to(self.rows.device)
        chosen = [to == part for part in range(parts)]
        if min(int(which.sum()) for which in chosen) == 0:
            raise InvalidInputError(
                f"{len(self.values)} entries are too few for {parts} parts; take fewer rounds, or "
                f"all entries in every round."
            )
        return [
            Observed(self.shape, self.rows[which], self.columns[which], self.values[which])
            for which in chosen
        ]

    def misfit(
        self, left: Float[Tensor, "m k"], right: Float[Tensor, "n k"]
    ) -> Float[Tensor, " entries"]:
        """P_Omega(U V^T - M)."""
        if self.is_dense:
            return (left @ right.mT)[self.rows, self.columns] - self.values
        return self.gathered_misfit(left, right)

    def gathered_misfit(
        self, left: Float[Tensor, "m k"], right: Float[Tensor, "n k"]
    ) -> Float[Tensor, " entries"]:
        """The same by |Omega| products of rows, k operations each, whatever the share."""
        return (left[self.rows] * right[self.columns]).sum(-1) - self.values

    def _block(self, rows: Tensor, width: int, starts: Tensor) -> Block:
        offsets = torch.arange(width, device=rows.device)
        known = offsets < self.counts[rows][:, None]
        place = torch.where(known, starts[rows][:, None] + offsets, 0)
        index = torch.where(known, self.columns[place], self.shape[1])
        values = torch.where(known, self.values[place], 0.0)
        return Block(rows, index, values, known)

    def _spread(self, values: Tensor) -> Float[Tensor, "m n"]:
        found = values.new_zeros(self.shape)
        found[self.rows, self.columns] = values
        return found
