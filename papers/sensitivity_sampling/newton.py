"""min ||Q x||_p^p over c^T x = 1, for many c at once: damped Newton on the slice.

With weights v = |Q x|^{p - 2} and H = Q^T diag(v) Q, the minimiser of x^T H x over the slice is
x_irls = H^{-1} c / (c^T H^{-1} c), and x + (x_irls - x) / (p - 1) is Newton's step. The full step
to x_irls, iteratively reweighted least squares, diverges from p = 3 on. The matrices H of a batch
are one product: weights (batch, n) times the products of pairs of columns (n, d (d + 1) / 2).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from papers.sensitivity_sampling.powers import power, signed_power

RATIO = 1e-8  # of the upper to the lower end, less 1, at which a problem is done
_ENTRIES = 1 << 18  # of a block of values Q x: it stays in cache
_PRODUCTS = 1 << 28  # bytes of the products of columns
_STEPS = 200
# Relative change of the norm in a step from which on the dual value is worth its price.
_NEAR = 1e-4
_ROUNDING = 1e-12
_KINKED = 1.3  # p below which a minimiser has values of 0 for all that float64 can tell
# Below p = 2 weights grow without bound where Q x is 0; this part of its largest entry limits them.
_SMALLEST = 1e-10


def minimise(
    basis: Float[Tensor, "n d"], constraints: Float[Tensor, "b d"], p: float
) -> tuple[Float[Tensor, "b d"], Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Minimisers x, and an interval around each minimum M: ||Q x||_p^p above, and below the dual
    value 1 / ||z||_{p'}^p of a z with Q^T z = c, p' = p / (p - 1).

    Args:
        basis: Q, orthonormal columns, float64.
        constraints: c, none of them 0.
        p: above 1.

    Returns:
        x, the lower and the upper ends; an end is off by rounding alone.
    """
    rows = max(1, _ENTRIES // len(basis))
    d = basis.shape[1]
    fits = len(basis) * d * (d + 1) // 2 * basis.element_size() <= _PRODUCTS
    pairs = column_products(basis) if fits else None
    parts = [_block(basis, pairs, block, p) for block in constraints.split(rows)]
    x, low, high = (torch.cat(part) for part in zip(*parts, strict=True))
    return x, low, high


def column_products(basis: Float[Tensor, "n d"]) -> Float[Tensor, "n pairs"]:
    """Products of the pairs of columns on and below the diagonal."""
    i, j = torch.tril_indices(basis.shape[1], basis.shape[1], device=basis.device)
    return basis[:, i] * basis[:, j]


def gram(
    weights: Float[Tensor, "b n"],
    basis: Float[Tensor, "n d"],
    pairs: Float[Tensor, "n pairs"] | None = None,
) -> Float[Tensor, "b d d"]:
    """Q^T diag(v) Q of every row v of ``weights``, its lower triangle.

    Args:
        pairs: products of Q's columns, if they are at hand; else they are made in blocks of rows.
    """
    d = basis.shape[1]
    i, j = torch.tril_indices(d, d, device=weights.device)
    found = weights.new_zeros(len(weights), d, d)
    if pairs is not None:
        found[:, i, j] = weights @ pairs
        return found
    rows = max(1, _PRODUCTS // (len(i) * basis.element_size()))
    for v, q in zip(weights.split(rows, 1), basis.split(rows), strict=True):
        found[:, i, j] += v @ column_products(q)
    return found


def _block(
    basis: Tensor, pairs: Tensor | None, c: Tensor, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    lengths = c.norm(dim=1, keepdim=True)
    c = c / lengths
    x, low, high = c.clone(), c.new_zeros(len(c)), c.new_full((len(c),), torch.inf)
    left = torch.arange(len(c), device=c.device)
    values = x @ basis.mT
    norms = power(values, p).sum(1)
    change = torch.full_like(norms, torch.inf)
    for step in range(_STEPS):
        near = change <= _NEAR * norms if step < _STEPS - 1 else torch.ones_like(change) > 0
        if bool(near.any()):
            place = left[near]
            # Rounding may take an end back a little; the best of each stands.
            dual = _dual(basis, signed_power(values[near], p - 1), c[place], p)
            low[place] = torch.maximum(low[place], dual)
            high[place] = torch.minimum(high[place], norms[near])
            going = high[left] > (1 + RATIO / 4) * low[left]
            if not bool(going.any()):
                break
            left, values, norms = left[going], values[going], norms[going]
        weights = _weights(values, p)
        ahead = _irls(basis, pairs, weights, c[left]) - x[left]
        along = ahead @ basis.mT
        if p < _KINKED:
            # Powers p - 1 of values that are rounding say little of z there; the weights do.
            dual = _dual(basis, weights * (values + along), c[left], p)
            low[left] = torch.maximum(low[left], dual)
        before = norms
        t, values, norms = (_longer if p < 2 else _shorter)(values, along, norms, p)
        x[left] += t[:, None] * ahead
        change = before - norms
    # c was made of length 1: c^T x = 1 for the given one, and its p-th powers.
    scale = lengths[:, 0] ** -p
    return x / lengths, low * scale, high * scale


def _weights(values: Tensor, p: float) -> Tensor:
    """|Q x|^{p - 2}, up to a factor of each row."""
    if p < 2:
        floor = _SMALLEST * values.abs().amax(1, keepdim=True)
        weights = power(torch.maximum(values.abs(), floor), p - 2)
    else:
        weights = power(values, p - 2)
    return weights / weights.mean(1, keepdim=True)


def _irls(basis: Tensor, pairs: Tensor | None, weights: Tensor, c: Tensor) -> Tensor:
    """H^{-1} c / (c^T H^{-1} c)."""
    h = gram(weights, basis, pairs)
    root, failed = torch.linalg.cholesky_ex(h)
    if bool(failed.any()):
        # For p > 2 rows of value 0 leave directions without weight.
        bad = failed > 0
        eye = torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)
        traces = h[bad].diagonal(dim1=-2, dim2=-1).sum(-1)
        root[bad] = torch.linalg.cholesky(h[bad] + 1e-12 * traces[:, None, None] * eye)
    found = torch.cholesky_solve(c[..., None], root)[..., 0]
    return found / (found * c).sum(1, keepdim=True)


def _longer(
    values: Tensor, along: Tensor, norms: Tensor, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Below p = 2: t = 1, after which the norm is never larger, or Newton's 1 / (p - 1), whichever
    is the better. Where a value is about 0 Newton's steps go from one side of it to the other."""
    near, far = values + along, values + along / (p - 1)
    short, long = power(near, p).sum(1), power(far, p).sum(1)
    better = long < short
    t = torch.where(better, 1 / (p - 1), torch.ones_like(norms))
    return t, torch.where(better[:, None], far, near), torch.where(better, long, short)


def _shorter(
    values: Tensor, along: Tensor, norms: Tensor, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    """From p = 2 on: Newton's t = 1 / (p - 1), halved until the norm falls."""
    t = torch.full_like(norms, 1 / (p - 1))
    found = values + along / (p - 1)
    lengths = power(found, p).sum(1)
    for _ in range(40):
        waiting = (lengths > (1 + _ROUNDING) * norms).nonzero()[:, 0]
        if not len(waiting):
            return t, found, lengths
        t[waiting] /= 2
        found[waiting] = values[waiting] + t[waiting, None] * along[waiting]
        lengths[waiting] = power(found[waiting], p).sum(1)
    waiting = lengths > norms
    t[waiting], found[waiting], lengths[waiting] = 0.0, values[waiting], norms[waiting]
    return t, found, lengths


def _dual(basis: Tensor, z: Tensor, c: Tensor, p: float) -> Float[Tensor, " b"]:
    """1 / ||z||_{p'}^p, z scaled and mended until Q^T z = c."""
    back = z @ basis
    z = z * ((c * c).sum(1) / (c * back).sum(1))[:, None]
    z = z + (c - z @ basis) @ basis.mT
    largest = z.abs().amax(1, keepdim=True)
    conjugate = p / (p - 1)
    return (power(z / largest, conjugate).sum(1) ** (1 - p)) * largest[:, 0] ** -p
