"""How much of a matrix's range hangs on each of its rows."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def leverage_scores(matrix: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """tau_i = a_i^T (A^T A)^+ a_i: squared lengths of the rows of an orthonormal basis, in 0 to 1;
    they sum to the rank.

    Raises:
        InvalidInputError: entries are not finite.
    """
    if not bool(torch.isfinite(matrix).all()):
        raise InvalidInputError("The matrix holds NaN or infinity; allowed: finite numbers.")
    basis, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    kept = values > values[:1] * max(matrix.shape) * torch.finfo(matrix.dtype).eps
    return (basis * kept).square().sum(-1)


def incoherence(basis: Float[Tensor, "n k"]) -> float:
    """mu = max_i tau_i n / k, at least 1 of a matrix of full rank, at most n / k."""
    return float(leverage_scores(basis).max()) * basis.shape[0] / basis.shape[1]
