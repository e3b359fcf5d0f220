"""The algorithm: gradients of all three weights from two passes over the tokens.

Writing ``f' = U V^T`` with monomials U, V of the queries and keys (rows of U over their row sums),

    p = f' * (c h^T - rho 1^T) = f' * ([c, -rho] [h, 1]^T)

so that p is one product of row-wise Khatri-Rao factors, of rank k1 (n + 1): p1 of rank k1 n and p2
of rank k1 of the paper in one. Only ``X^T p X`` and ``X^T f'^T c`` are wanted, and both are read
off two tables of moments, summed over blocks of tokens:

    keys     V^T  ([h, 1]     (x) [1, X])     k1 x (n + 1)(d + 1)
    queries  U^T  ([c, -rho]  (x) [1, X])     k1 x (n + 1)(d + 1)

Nothing of size L x k1, let alone L x L, is held.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.khatri_rao import rowwise_khatri_rao
from common.kernels.monomials import monomial_count, monomials
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.features import monomial_weights
from papers.lora_limits.head import Gradients, Problem
from papers.lora_limits.polynomials import ExpPolynomial

_CACHED = 1 << 17  # monomials of a block: half a megabyte, which stays in the second-level cache


def block_tokens(features: int) -> int:
    """Tokens of a block, 64 to 4,096."""
    return min(4096, max(64, _CACHED // features))


def blocks(length: int, size: int) -> Iterator[slice]:
    """Of consecutive tokens."""
    return (slice(start, start + size) for start in range(0, length, size))


def require_positive(
    polynomial: ExpPolynomial, queries: Float[Tensor, "L m"], keys: Float[Tensor, "L2 m"]
) -> None:
    """Refuse a polynomial whose row sums could vanish.

    Raises:
        InvalidInputError: it is not positive on the interval that the norms allow.
    """
    radius = score_radius(queries, keys)
    if not polynomial.is_positive(radius):
        raise InvalidInputError(
            f"The {polynomial.kind} polynomial of degree {polynomial.degree} for "
            f"[-{polynomial.radius:.3g}, {polynomial.radius:.3g}] is not positive on "
            f"[-{radius:.3g}, {radius:.3g}], where scores may lie: row sums could vanish. Take a "
            "Taylor polynomial of even degree, a higher degree, or smaller norms."
        )


@torch.no_grad()
def fast_gradients(
    problem: Problem, polynomial: ExpPolynomial, tokens: int | None = None
) -> Gradients:
    """Of W_Q, W_K and W_V, in O(L k1 d n) time; moments are summed in float64.

    Args:
        polynomial: in the place of exp.
        tokens: of a block; None: as many as fit a cache.

    Raises:
        InvalidInputError: the polynomial is not positive where scores may lie; a block of no token.
    """
    if tokens is not None and tokens < 1:
        raise InvalidInputError(f"tokens={tokens}; allowed: 1 or more, or None.")
    require_positive(polynomial, problem.queries, problem.keys)
    degree, (length, d), n = polynomial.degree, problem.x.shape, problem.y.shape[1]
    m = problem.queries.shape[1]
    k1 = monomial_count(m, degree)
    tokens = tokens or block_tokens(k1)
    # A column a token: every operation below runs along rows that lie one after the other.
    one = problem.x.new_ones(1, length)
    x_one = torch.cat([one, problem.x.mT])
    h_one = torch.cat([problem.values.mT, one])
    queries, keys, y = (a.mT.contiguous() for a in (problem.queries, problem.keys, problem.y))
    by_keys = problem.x.new_zeros(k1, (n + 1) * (d + 1), dtype=torch.float64)
    by_queries = torch.zeros_like(by_keys)

    for rows in blocks(length, tokens):
        V = monomials(keys[:, rows].mT, degree)
        by_keys += V.mT @ rowwise_khatri_rao(h_one[:, rows].mT, x_one[:, rows].mT)
    by_keys *= monomial_weights(m, polynomial).to(by_keys)[:, None]
    table = by_keys.view(k1, n + 1, d + 1)
    sums = table[:, :, 0].mT.to(problem.x)

    loss = torch.zeros((), dtype=torch.float64, device=problem.x.device)
    for rows in blocks(length, tokens):
        U = monomials(queries[:, rows].mT, degree)
        numerators = sums @ U.mT
        output, row_sums = numerators[:n], numerators[n:]
        output /= row_sums
        c = output - y[:, rows]
        rho = (c * output).sum(0, keepdim=True)
        left = torch.cat([c, -rho]) / row_sums
        by_queries += U.mT @ rowwise_khatri_rao(left.mT, x_one[:, rows].mT)
        loss += c.square().sum()

    other = by_queries.view(k1, n + 1, d + 1)
    interaction = torch.einsum("kap,kaq->pq", other[:, :, 1:], table[:, :, 1:])
    value = torch.einsum("kp,kn->pn", table[:, n, 1:], other[:, :n, 0])
    return problem.gradients(interaction, value, float(loss) / 2)
