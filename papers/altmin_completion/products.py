"""A product of a matrix and a vector for every row that is solved for."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# On a processor matrices of so many entries go one by one: batched products read them more slowly,
# and A z and A^T y meet in its cache.
_ONE_BY_ONE = 1 << 14


def transposed(a: Float[Tensor, "g n k"], b: Float[Tensor, "g n"]) -> Float[Tensor, "g k"]:
    """A^T b."""
    if not _is_large(a):
        return (b[:, None] @ a)[:, 0]
    found = torch.empty_like(a[:, 0])
    for one, right, out in zip(a, b, found, strict=True):
        torch.mv(one.mT, right, out=out)
    return found


def normal(a: Float[Tensor, "g n k"], z: Float[Tensor, "g k"]) -> Float[Tensor, "g k"]:
    """A^T A z."""
    if not _is_large(a):
        return (z[:, None] @ a.mT @ a)[:, 0]
    found = torch.empty_like(z)
    for one, right, out in zip(a, z, found, strict=True):
        torch.mv(one.mT, torch.mv(one, right), out=out)
    return found


def _is_large(a: Float[Tensor, "g n k"]) -> bool:
    return a.device.type == "cpu" and a.shape[-2] * a.shape[-1] >= _ONE_BY_ONE
