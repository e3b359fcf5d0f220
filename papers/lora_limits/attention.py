"""Attention in almost linear time, for training: forward ``U1 (V1^T h)``, backward by the chain.

The gradient keeps the approximate weights f' in ``p = f' * q - diag(rho) f'``. That is not the
derivative of the approximate forward, in which P' stands for P; both tend to the exact gradient.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from common.errors import InvalidInputError
from common.kernels.khatri_rao import rowwise_khatri_rao
from common.kernels.monomials import monomial_count, monomials
from papers.lora_limits.fast import block_tokens, blocks, require_positive
from papers.lora_limits.features import monomial_weights
from papers.lora_limits.polynomials import ExpPolynomial


def almost_linear_attention(
    queries: Float[Tensor, "*batch L m"],
    keys: Float[Tensor, "*batch S m"],
    values: Float[Tensor, "*batch S n"],
    polynomial: ExpPolynomial,
    scale: float | None = None,
) -> Float[Tensor, "*batch L n"]:
    """Softmax attention with a polynomial in place of exp, without a mask.

    Args:
        queries: float32 or float64; leading dimensions are worked on one after the other.
        keys: see ``queries``.
        values: see ``queries``.
        polynomial: of the scores.
        scale: of the scores; None: 1/sqrt(m).

    Raises:
        InvalidInputError: shapes or types do not go together; the polynomial is not positive where
            scores may lie.
    """
    if not (
        queries.ndim >= 2
        and queries.shape[:-2] == keys.shape[:-2] == values.shape[:-2]
        and queries.shape[-1] == keys.shape[-1]
        and keys.shape[-2] == values.shape[-2]
    ):
        raise InvalidInputError(
            f"queries have shape {tuple(queries.shape)}, keys {tuple(keys.shape)} and values "
            f"{tuple(values.shape)}; needed are (..., L, m), (..., S, m) and (..., S, n)."
        )
    if not queries.dtype == keys.dtype == values.dtype in (torch.float32, torch.float64):
        raise InvalidInputError(
            f"queries, keys and values are {queries.dtype}, {keys.dtype} and {values.dtype}; "
            "allowed: all float32, or all float64 (monomials need the digits)."
        )
    if not all(a.numel() for a in (queries, keys, values)):
        raise InvalidInputError("queries, keys or values are empty; needed is one token of each.")
    scaled = queries * (queries.shape[-1] ** -0.5 if scale is None else scale)
    batch = scaled.shape[:-2]
    flat = (a.flatten(0, -3) if batch else a[None] for a in (scaled, keys, values))
    parts = [_AlmostLinear.apply(*head, polynomial) for head in zip(*flat, strict=True)]
    return torch.stack(parts).reshape(*batch, *scaled.shape[-2:-1], values.shape[-1])


class _AlmostLinear(torch.autograd.Function):
    """Of one head; queries carry the scale."""

    @staticmethod
    def forward(ctx, queries, keys, values, polynomial):
        require_positive(polynomial, queries, keys)
        ones = values.new_ones(len(values), 1)
        with torch.autocast(queries.device.type, enabled=False):
            table = _moments(keys, torch.cat([values, ones], 1), polynomial)
            mixed = _read(queries, table, polynomial.degree)
        output, sums = mixed[:, :-1] / mixed[:, -1:], mixed[:, -1:]
        ctx.save_for_backward(queries, keys, values, output, sums)
        ctx.polynomial = polynomial
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx, c):
        queries, keys, values, output, sums = ctx.saved_tensors
        n, m = values.shape[1], keys.shape[1]
        rho = (c * output).sum(1, keepdim=True)
        left = torch.cat([c, -rho], 1) / sums
        right = torch.cat([values, values.new_ones(len(values), 1)], 1)
        with torch.autocast(queries.device.type, enabled=False):
            # p k, p = f' * (left right^T) with the row sums in left: one table a side.
            table = _moments(keys, rowwise_khatri_rao(right, keys), ctx.polynomial)
            by_query = _read(queries, table, ctx.polynomial.degree).unflatten(1, (n + 1, m))
            with_one = torch.cat([queries, queries.new_ones(len(queries), 1)], 1)
            table = _moments(queries, rowwise_khatri_rao(left, with_one), ctx.polynomial)
            by_key = _read(keys, table, ctx.polynomial.degree).unflatten(1, (n + 1, m + 1))
        return (
            torch.einsum("la,lam->lm", left, by_query),
            torch.einsum("sa,sam->sm", right, by_key[:, :, :m]),
            by_key[:, :n, m],
            None,
        )


def _moments(
    points: Float[Tensor, "L m"], columns: Float[Tensor, "L c"], polynomial: ExpPolynomial
) -> Float[Tensor, "k1 c"]:
    """``sum_l w_a points_l^a columns_l``, summed over blocks in float64."""
    m = points.shape[1]
    k1 = monomial_count(m, polynomial.degree)
    total = points.new_zeros(k1, columns.shape[1], dtype=torch.float64)
    for rows in blocks(len(points), block_tokens(k1)):
        total += monomials(points[rows], polynomial.degree).mT @ columns[rows]
    total *= monomial_weights(m, polynomial).to(total)[:, None]
    return total.to(points)


def _read(
    points: Float[Tensor, "L m"], table: Float[Tensor, "k1 c"], degree: int
) -> Float[Tensor, "L c"]:
    """The table's value at each point."""
    out = points.new_empty(len(points), table.shape[1])
    for rows in blocks(len(points), block_tokens(len(table))):
        out[rows] = monomials(points[rows], degree) @ table
    return out
