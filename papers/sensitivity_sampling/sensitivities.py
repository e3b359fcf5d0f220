"""l_p sensitivities s_i = sup_x |a_i^T x|^p / ||A x||_p^p, each in an interval that is proved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import as_tensor
from common.sketching.lewis import lewis_weights
from common.sketching.row_space import range_basis
from papers.sensitivity_sampling.linear_program import minimise_absolute
from papers.sensitivity_sampling.newton import minimise

Array = np.ndarray | Tensor


@dataclass(frozen=True)
class Sensitivities:
    """Of some rows of a matrix. Intervals are in float64, whatever the matrix was, so that they
    stay intervals. They are proved for ``basis``, whose rows are those of A up to rounding of their
    own lengths times A's condition number, light rows too.

    Attributes:
        lower: |a_i^T x|^p / ||A x||_p^p at the point x that was found.
        upper: ||z||_{p'}^p of a z with A^T z = a_i, p' = p / (p - 1): no x can do better.
        points: x in coordinates of
        basis: Q, an orthonormal basis of A's range: Q x are the values; 0 for rows of zeros.
    """

    lower: Float[Array, " rows"]
    upper: Float[Array, " rows"]
    points: Float[Array, "rows r"]
    basis: Float[Array, "n r"]

    @property
    def total(self) -> tuple[float, float]:
        """The interval of S, their sum, if these are all rows."""
        return float(self.lower.sum()), float(self.upper.sum())

    @property
    def gap(self) -> float:
        """The largest upper / lower - 1; 0 for rows of zeros."""
        some = self.lower > 0
        return float((self.upper[some] / self.lower[some] - 1).max())


def sensitivities(
    matrix: Float[Array, "n d"], p: float, rows: Int[Array, " rows"] | None = None
) -> Sensitivities:
    """1 / min { ||A x||_p^p : a_i^T x = 1 } for every row, or for some.

    By Newton's method, in batches, for p > 1: to a relative gap of 1e-8, except below about 1.05,
    where some intervals may stay wider; ``gap`` says how wide. By a linear program a row for p = 1.
    They depend on A's range alone: A may be rank deficient, and rows of zeros have sensitivity 0.

    Args:
        matrix: A, float32 or float64.
        p: 1 or more.
        rows: which ones; all if None.

    Raises:
        InvalidInputError: A is zero or not finite floats, p is below 1, a row does not exist.
    """
    check_power(p)
    a = as_tensor(matrix, "matrix").double()
    basis = range_basis(a)
    chosen = basis if rows is None else basis[_checked(rows, len(a)).to(a.device)]
    wanted = chosen.square().sum(1) > 0
    points = torch.zeros_like(chosen)
    lower, upper = torch.zeros_like(chosen[:, 0]), torch.zeros_like(chosen[:, 0])
    if bool(wanted.any()):
        x, low, high = minimum(basis, chosen[wanted], p)
        points[wanted], lower[wanted], upper[wanted] = x, 1 / high, 1 / low
    found = lower, upper, points, basis
    if not isinstance(matrix, Tensor):
        found = tuple(part.numpy() for part in found)
    return Sensitivities(*found)


def minimum(
    basis: Float[Tensor, "n r"], constraints: Float[Tensor, "b r"], p: float
) -> tuple[Float[Tensor, "b r"], Float[Tensor, " b"], Float[Tensor, " b"]]:
    """x of min ||Q x||_p^p over c^T x = 1 and an interval of the minimum, by the way p asks for."""
    if p == 1:
        return minimise_absolute(basis, constraints)
    return minimise(basis, constraints, p)


@dataclass(frozen=True)
class Estimate:
    """Of S from some rows.

    Attributes:
        mean: unbiased.
        error: standard error of it.
    """

    mean: float
    error: float


def estimated_total(
    matrix: Float[Array, "n d"], p: float, rows: int, rng: np.random.Generator
) -> Estimate:
    """S by ``rows`` rows, drawn with replacement in proportion to their Lewis weights w: the mean
    of s_j d / w_j (after Padmanabhan, Woodruff and Zhang, 2023).

    Raises:
        InvalidInputError: as ``sensitivities``, or fewer than two rows.
    """
    if rows < 2:
        raise InvalidInputError(f"rows={rows}; an estimate with its error needs 2 or more.")
    a = as_tensor(matrix, "matrix").double()
    weights = lewis_weights(a, p).cpu().numpy()
    shares = weights / weights.sum()
    drawn = rng.choice(len(shares), rows, p=shares)
    different, place = np.unique(drawn, return_inverse=True)
    found = sensitivities(a, p, torch.from_numpy(different)).upper.cpu().numpy()
    terms = found[place] / shares[drawn]
    return Estimate(float(terms.mean()), float(terms.std(ddof=1) / rows**0.5))


def check_power(p: float) -> None:
    """Refuse what is no norm.

    Raises:
        InvalidInputError: p is below 1, infinite or NaN.
    """
    if not 1 <= p < float("inf"):
        raise InvalidInputError(f"p={p}; allowed: 1 or more, finite.")


def _checked(rows: Int[Array, " rows"], n: int) -> Int[Tensor, " rows"]:
    index = torch.as_tensor(rows)
    whole = not index.dtype.is_floating_point and index.dtype != torch.bool
    if index.ndim != 1 or not len(index) or not whole:
        raise InvalidInputError(
            f"rows of shape {tuple(index.shape)}, {index.dtype}; wanted: a list of row numbers, "
            f"not empty."
        )
    if int(index.min()) < 0 or int(index.max()) >= n:
        raise InvalidInputError(
            f"rows from {int(index.min())} to {int(index.max())}; there are 0 to {n - 1}."
        )
    return index
