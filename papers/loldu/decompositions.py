"""A weight as a sum of atoms, column times row, each with one number.

W = P L diag(D) U by elimination with row pivoting (Section 3), and what it is compared with at as
many numbers: the same with complete pivoting or with its columns shuffled first, the singular value
decomposition, and random atoms. All in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from common.errors import InvalidInputError

ATOMS = ("ldu", "complete", "shuffled", "svd", "random")


@dataclass(frozen=True)
class Atoms:
    """sum_i left_i values_i right_i.

    Attributes:
        left: columns; P L for "ldu".
        values: D for "ldu".
        right: rows; U for "ldu".
        order: rows of the weight in the order of elimination, where there is one.
        columns: of the weight in the order of elimination; None is their own.
    """

    left: Float64[Tensor, "m k"]
    values: Float64[Tensor, " k"]
    right: Float64[Tensor, "k n"]
    order: Int64[Tensor, " m"] | None = None
    columns: Int64[Tensor, " n"] | None = None

    def first(self, rank: int) -> Atoms:
        """The first of them, in the order of the columns of L."""
        parts = self.left[:, :rank], self.values[:rank], self.right[:rank]
        return Atoms(*parts, self.order, self.columns)

    def matrix(self) -> Float64[Tensor, "m n"]:
        """Their sum."""
        return self.left * self.values @ self.right


def ldu(weight: Float[Tensor, "m n"], order: Int64[Tensor, " m"] | None = None) -> Atoms:
    """P L diag(D) U: unit lower trapezoidal L, |L_ij| <= 1, and unit upper trapezoidal U.

    Args:
        weight: to be decomposed.
        order: of its rows; None lets pivoting choose. With an order given the factors are unique,
            but entries of L may exceed 1.

    Raises:
        InvalidInputError: the weight is not finite.
    """
    exact = _exact(weight)
    if order is None:
        # A pivot of zero is no error here: see `_atoms`.
        packed, pivots, _ = torch.linalg.lu_factor_ex(exact)
        _, lower, upper = torch.lu_unpack(packed, pivots, unpack_pivots=False)
        order = _order(pivots, len(exact))
    else:
        lower, upper = _eliminated(exact[order])
    return _atoms(lower, upper, order)


def complete(weight: Float[Tensor, "m n"]) -> Atoms:
    """The same with the largest entry of what is left as every pivot: rows and columns move."""
    left = _exact(weight).clone()
    m, n = left.shape
    k = min(m, n)
    lower, upper = left.new_zeros(m, k), left.new_zeros(k, n)
    values = left.new_zeros(k)
    for i in range(k):
        row, column = divmod(int(left.abs().argmax()), n)
        pivot = left[row, column].clone()
        if pivot == 0:
            break
        lower[:, i], upper[i], values[i] = left[:, column] / pivot, left[row] / pivot, pivot
        left -= torch.outer(lower[:, i], upper[i] * pivot)
        left[row], left[:, column] = 0, 0
    return Atoms(lower, values, upper)


def shuffled(weight: Float[Tensor, "m n"], generator: torch.Generator) -> Atoms:
    """LDU of the weight with its columns in a random order, put back into their places."""
    return of_columns(weight, torch.randperm(weight.shape[1], generator=generator))


def of_columns(
    weight: Float[Tensor, "m n"],
    columns: Int64[Tensor, " n"],
    order: Int64[Tensor, " m"] | None = None,
) -> Atoms:
    """LDU of the weight with its columns, and if given its rows, in this order."""
    columns = columns.to(weight.device)
    found = ldu(weight[:, columns], order)
    right = found.right[:, columns.argsort()]
    return Atoms(found.left, found.values, right, found.order, columns)


def svd(weight: Float[Tensor, "m n"]) -> Atoms:
    """Singular triples, the largest first."""
    left, values, right = torch.linalg.svd(_exact(weight), full_matrices=False)
    return Atoms(left, values, right)


def random(weight: Float[Tensor, "m n"], generator: torch.Generator) -> Atoms:
    """Gaussian columns and rows, their entries as large as those of L and U, and D as values."""
    like = ldu(weight)
    left, right = (
        torch.randn(part.shape, generator=generator, dtype=torch.float64).to(part.device)
        * part.square().mean().sqrt()
        for part in (like.left, like.right)
    )
    return Atoms(left, like.values, right)


def decompose(weight: Float[Tensor, "m n"], atoms: str, seed: int) -> Atoms:
    """Atoms by name.

    Raises:
        InvalidInputError: there is no such decomposition, or the weight is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    known = {
        "ldu": lambda: ldu(weight),
        "complete": lambda: complete(weight),
        "shuffled": lambda: shuffled(weight, generator),
        "svd": lambda: svd(weight),
        "random": lambda: random(weight, generator),
    }
    if atoms not in known:
        raise InvalidInputError(f"atoms={atoms!r}; allowed: {', '.join(ATOMS)}.")
    return known[atoms]()


def _order(pivots: Int64[Tensor, " k"], rows: int) -> Int64[Tensor, " m"]:
    """Rows in the order that LAPACK's exchanges, counted from 1, leave; no m x m permutation."""
    order = list(range(rows))
    for i, pivot in enumerate(pivots.tolist()):
        order[i], order[pivot - 1] = order[pivot - 1], order[i]
    return torch.tensor(order, device=pivots.device)


def _exact(weight: Tensor) -> Float64[Tensor, "m n"]:
    if weight.is_meta:
        raise InvalidInputError("The weight is on the meta device; it has no numbers yet.")
    if not weight.isfinite().all():
        raise InvalidInputError("The weight holds NaN or infinity; it cannot be decomposed.")
    return weight.detach().double()


def _atoms(lower: Tensor, upper: Tensor, order: Tensor) -> Atoms:
    """Rows of U divided by their pivots; where a pivot is none, a unit row of value 0.

    What such a row of the elimination still holds is in no atom: a weight whose leading columns are
    dependent has no LDU decomposition, and the rest stays in the residual.
    """
    values = upper.diagonal().clone()
    k = len(values)
    none = values.abs() <= torch.finfo(values.dtype).eps * k * values.abs().max()
    values[none] = 0
    right = upper / torch.where(none, torch.ones_like(values), values)[:, None]
    right[none] = torch.eye(k, upper.shape[1], dtype=upper.dtype, device=upper.device)[none]
    left = torch.empty_like(lower)
    left[order] = lower
    return Atoms(left, values, right, order)


def _eliminated(rows: Float64[Tensor, "m n"]) -> tuple[Tensor, Tensor]:
    """Unit lower and upper factors without pivoting."""
    left = rows.clone()
    m, n = left.shape
    k = min(m, n)
    lower = torch.eye(m, k, dtype=left.dtype, device=left.device)
    for i in range(k):
        if left[i, i] != 0:
            lower[i + 1 :, i] = left[i + 1 :, i] / left[i, i]
            left[i + 1 :, i:] -= torch.outer(lower[i + 1 :, i], left[i, i:])
    return lower, left[:k].triu()
