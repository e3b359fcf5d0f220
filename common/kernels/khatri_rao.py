"""The row-wise Khatri-Rao product (also: face-splitting, transposed Khatri-Rao)."""

import torch
from jaxtyping import Float
from torch import Tensor


def rowwise_khatri_rao(
    left: Float[Tensor, "n p"], right: Float[Tensor, "n q"]
) -> Float[Tensor, "n p*q"]:
    """Row i is ``kron(left[i], right[i])``; column ``p q + q'`` is ``left[:, p] right[:, q']``.

    What makes an entrywise product of low-rank matrices low-rank: ``(A B^T) * (C D^T)`` is the
    product of the Khatri-Rao products of A with C and of B with D.

    Raises:
        ValueError: the arguments are not two matrices of as many rows.
    """
    if left.ndim != 2 or right.ndim != 2 or left.shape[0] != right.shape[0]:
        raise ValueError(
            f"left has shape {tuple(left.shape)} and right {tuple(right.shape)}; needed are two "
            "matrices of as many rows"
        )
    # Columns that lie side by side in memory, as monomials have them, stay so.
    return torch.mul(left.mT[:, None], right.mT[None]).flatten(0, 1).mT
