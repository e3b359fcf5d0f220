"""Matrices whose sensitivities are told apart by p: drawn from a seed, or closed forms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def gaussian(n: int, d: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """Independent normal entries."""
    return torch.from_numpy(rng.standard_normal((n, d)))


def heavy_tailed(n: int, d: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """Normal rows over independent roots of chi-square / 1.5: Student t of 1.5 degrees of freedom,
    row by row. A few rows carry most."""
    rows = rng.standard_normal((n, d))
    return torch.from_numpy(rows / np.sqrt(rng.chisquare(1.5, (n, 1)) / 1.5))


def stacked_identity(n: int, d: int) -> Float[Tensor, "m d"]:
    """n // d identities, one on another: every row has sensitivity 1 / (n // d) at every p."""
    return torch.eye(d, dtype=torch.float64).repeat(n // d, 1)


def chebyshev(n: int, degree: int) -> Float[Tensor, "n degree_1"]:
    """Chebyshev polynomials T_0 to T_degree at n equally spaced points of [-1, 1]: the range of the
    Vandermonde matrix, in a basis that is well conditioned."""
    points = np.linspace(-1, 1, n)
    return torch.from_numpy(np.polynomial.chebyshev.chebvander(points, degree))


def chebyshev_product(n: int, degree: int, variables: int) -> Float[Tensor, "points terms"]:
    """Polynomials of degree q in each of k variables on the grid of n^k points: (q + 1)^k products
    of Chebyshev polynomials."""
    single = found = chebyshev(n, degree)
    for _ in range(variables - 1):
        found = torch.kron(found, single)
    return found


def complete_graph(vertices: int) -> Float[Tensor, "edges d"]:
    """Incidences of the complete graph, the last vertex grounded: edges (i, j), i < j, are rows
    e_i - e_j, and the last column is left out."""
    edges = list(combinations(range(vertices), 2))
    found = torch.zeros(len(edges), vertices, dtype=torch.float64)
    for row, (i, j) in enumerate(edges):
        found[row, i], found[row, j] = 1.0, -1.0
    return found[:, :-1]


def half_turn(n: int) -> Float[Tensor, "n 2"]:
    """Unit vectors at n equally spaced angles of a half turn."""
    angles = torch.arange(n, dtype=torch.float64) * torch.pi / n
    return torch.stack([angles.cos(), angles.sin()], 1)


def low_rank_plus_sparse(
    n: int, d: int, rank: int, rng: np.random.Generator
) -> Float[Tensor, "n d"]:
    """A product of normal factors, and one normal entry in every row at a random column."""
    low = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d))
    low[np.arange(n), rng.integers(d, size=n)] += rng.standard_normal(n)
    return torch.from_numpy(low)


def gaussian_and_identity(
    n: int, d: int, copies: int, rng: np.random.Generator
) -> Float[Tensor, "m d2"]:
    """Block diagonal: n normal rows of d columns, then ``copies`` identities of d columns."""
    return torch.block_diag(gaussian(n, d, rng), stacked_identity(d * copies, d))


DRAWN = ("gaussian", "t", "identity", "chebyshev")


def draw(name: str, n: int, d: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """One of ``DRAWN``; the last two are the same from every seed.

    Raises:
        InvalidInputError: another name, or fewer rows than columns.
    """
    if not 1 <= d <= n:
        raise InvalidInputError(f"{n} rows of {d} columns; allowed: 1 to as many columns as rows.")
    if name == "gaussian":
        return gaussian(n, d, rng)
    if name == "t":
        return heavy_tailed(n, d, rng)
    if name == "identity":
        return stacked_identity(n, d)
    if name == "chebyshev":
        return chebyshev(n, d - 1)
    raise InvalidInputError(f"family {name!r}; allowed: {', '.join(DRAWN)}.")
