"""``P(<q, k>) = <phi(q), psi(k)>``: an inner product of C(m + g, g) monomials each (Section 3).

By the multinomial theorem ``<q, k>^t = sum_{|a| = t} t!/(a_1! ... a_m!) q^a k^a``. Each monomial is
computed once; tensor powers would hold each of degree t up to t! times.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from common.kernels.monomials import monomial_exponents, monomials
from papers.lora_limits.polynomials import ExpPolynomial


@lru_cache(maxsize=64)
def monomial_weights(variables: int, polynomial: ExpPolynomial) -> Float[Tensor, " k1"]:
    """``t! c_t / (a_1! ... a_m!)`` of each monomial a, in float64."""
    powers = monomial_exponents(variables, polynomial.degree)
    totals = powers.sum(1)
    factorials = [math.factorial(t) for t in range(polynomial.degree + 1)]
    scaled = [f * c for f, c in zip(factorials, polynomial.coefficients, strict=True)]
    table = torch.tensor(factorials, dtype=torch.float64)
    return torch.tensor(scaled, dtype=torch.float64)[totals] / table[powers].prod(1)


def feature_maps(
    queries: Float[Tensor, "L m"], keys: Float[Tensor, "L2 m"], polynomial: ExpPolynomial
) -> tuple[Float[Tensor, "L k1"], Float[Tensor, "L2 k1"]]:
    """phi of the queries and psi of the keys: each monomial times the root of its weight's size,
    the signs on the key side."""
    weights = monomial_weights(queries.shape[1], polynomial).to(queries)
    roots = weights.abs().sqrt()
    degree = polynomial.degree
    return monomials(queries, degree) * roots, monomials(keys, degree) * (roots * weights.sign())
