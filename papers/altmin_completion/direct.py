"""Batches of small least-squares problems: normal equations, QR, smallest solutions."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Of what is added up, so many units of rounding count as nothing.
ROUNDING = 64


def normal_equations(
    grams: Float[Tensor, "g k k"], right: Float[Tensor, "g k"]
) -> tuple[Float[Tensor, "g k"], Bool[Tensor, " g"]]:
    """By Cholesky's factors.

    Returns:
        solutions, 0 where there are none to rely on; and which these are: the square of their
        condition would leave less than half of the digits.
    """
    factors, failed = torch.linalg.cholesky_ex(grams)
    diagonal = factors.diagonal(dim1=-2, dim2=-1)
    least = torch.finfo(grams.dtype).eps ** 0.25
    bad = (failed > 0) | ~(diagonal.amin(-1) > least * diagonal.amax(-1))
    if not bool(bad.any()):
        return torch.cholesky_solve(right[..., None], factors)[..., 0], bad
    found = torch.zeros_like(right)
    found[~bad] = torch.cholesky_solve(right[~bad][..., None], factors[~bad])[..., 0]
    return found, bad


def by_qr(a: Float[Tensor, "g n k"], b: Float[Tensor, "g n"]) -> Float[Tensor, "g k"]:
    """Without squaring the condition; the smallest solution where columns depend on each other."""
    if a.shape[-2] < a.shape[-1]:
        return smallest(a, b)
    q, r = torch.linalg.qr(a)
    full = full_rank(r)
    found = torch.zeros_like(a[:, 0])
    right = q.mT @ b[..., None]
    found[full] = torch.linalg.solve_triangular(r[full], right[full], upper=True)[..., 0]
    if not bool(full.all()):
        found[~full] = smallest(a[~full], b[~full])
    return found


def full_rank(r: Float[Tensor, "*b k k"]) -> Bool[Tensor, "*b"]:
    """Whether no diagonal entry of a triangular factor is of the size of rounding."""
    diagonal = r.diagonal(dim1=-2, dim2=-1).abs()
    least = ROUNDING * torch.finfo(r.dtype).eps
    return diagonal.amin(-1) > least * diagonal.amax(-1)


def smallest(a: Float[Tensor, "g n k"], b: Float[Tensor, "g n"]) -> Float[Tensor, "g k"]:
    """The least-squares solutions of least norm, by singular values above rounding."""
    inverse = torch.linalg.pinv(a, rtol=ROUNDING * torch.finfo(a.dtype).eps)
    return (inverse @ b[..., None])[..., 0]


def ridged(
    a: Float[Tensor, "g n k"], b: Float[Tensor, "g n"], ridge: float
) -> tuple[Float[Tensor, "g n+k k"], Float[Tensor, "g n+k"]]:
    """Rows sqrt(ridge) I below, with zeros to meet: ``ridge`` is added to A^T A."""
    if not ridge:
        return a, b
    g, _, k = a.shape
    root = ridge**0.5 * torch.eye(k, dtype=a.dtype, device=a.device)
    return torch.cat([a, root.expand(g, k, k)], 1), torch.cat([b, b.new_zeros(g, k)], 1)
