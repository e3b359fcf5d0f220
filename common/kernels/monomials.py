"""All monomials of several variables up to a degree, each once.

Ordered by degree; within a degree as ``itertools.combinations_with_replacement`` orders the
variables that are multiplied. In that order the monomials of degree t that start with variable j
are x_j times a tail of those of degree t - 1, so that each costs one multiplication and no gather.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement
from math import comb

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def monomial_count(variables: int, degree: int) -> int:
    """``C(variables + degree, degree)``.

    Raises:
        ValueError: there is no variable, or the degree is negative.
    """
    if variables < 1 or degree < 0:
        raise ValueError(
            f"variables is {variables} and degree {degree}; needed are 1 or more, and 0 or more"
        )
    return comb(variables + degree, degree)


def monomial_exponents(variables: int, degree: int) -> Int64[Tensor, "count {variables}"]:
    """One row a monomial: the power of each variable."""
    monomial_count(variables, degree)  # refuses what has no monomials
    rows = []
    for total in range(degree + 1):
        for chosen in combinations_with_replacement(range(variables), total):
            rows.append([chosen.count(variable) for variable in range(variables)])
    return torch.tensor(rows, dtype=torch.int64)


def monomials(x: Float[Tensor, "n d"], degree: int) -> Float[Tensor, "n count"]:
    """Every monomial of each row, the constant 1 first; differentiable.

    Columns lie one after the other in memory. Where no gradient is wanted they are written in
    place.

    Raises:
        ValueError: ``x`` is not a matrix, or ``degree`` is negative.
    """
    if x.ndim != 2:
        raise ValueError(f"x has shape {tuple(x.shape)}; needed is (n, d)")
    rows, variables = x.shape
    count = monomial_count(variables, degree)
    factors = x.mT.contiguous()
    if torch.is_grad_enabled() and x.requires_grad:
        levels = [factors.new_ones(1, rows)]
        for steps in _levels(variables, degree):
            levels.append(torch.cat([factors[j] * levels[-1][tail:] for j, tail, _ in steps]))
        return torch.cat(levels).mT
    table = factors.new_empty(count, rows)
    table[0] = 1
    start, end = 0, 1  # of the monomials of the degree before
    for steps in _levels(variables, degree):
        at = end
        for j, tail, size in steps:
            torch.mul(table[start + tail : end], factors[j], out=table[at : at + size])
            at += size
        start, end = end, at
    return table.mT


def _levels(variables: int, degree: int) -> Iterator[list[tuple[int, int, int]]]:
    """For each degree from 1 on: (variable, where its tail of the degree before starts, its size).

    ``C(m + s - 1, s)`` monomials of degree s are made of the last m variables alone.
    """
    for total in range(1, degree + 1):
        before = comb(variables + total - 2, total - 1)
        sizes = [comb(variables - j + total - 2, total - 1) for j in range(variables)]
        yield [(j, before - size, size) for j, size in enumerate(sizes)]
