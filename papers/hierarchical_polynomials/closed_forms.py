"""Exact moments and parts of p and h = g(p) at finite d: what a limit in d leaves out.

Features are sums of independent terms; g = z + c_2 he_2(z) unless said. Derived here: the square of
a sum of independent terms has the parts of the squares of its terms, and products of two terms.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.hermite import hermite, hermite_series
from papers.hierarchical_polynomials.targets import Feature, Link, Quadratic

LINK = Link((0.0, 1.0, 1.0))


def diagonal(p: Feature | Quadratic) -> Feature:
    """p as a sum of he_2 of orthogonal coordinates, whose closed forms hold for degree 2.

    Raises:
        InvalidInputError: p is of another degree, or of products of coordinates.
    """
    found = p.diagonal() if isinstance(p, Quadratic) else p
    if found.degree != 2 or found.product:
        raise InvalidInputError(
            f"degree={found.degree}, product={found.product}; this closed form is of sums of "
            f"he_2(x_i) alone."
        )
    return found


def applies(p: Feature | Quadratic, link: Link) -> bool:
    """Whether ``correlation_limit`` and ``kernel_floor`` are of this target: degree 2 without
    products, and g = z + he_2(z)."""
    degree_two = isinstance(p, Quadratic) or (p.degree == 2 and not p.product)
    return degree_two and tuple(link.coefficients) == LINK.coefficients


def third_moment(p: Feature) -> float:
    """E p^3 = E psi^3 sum w^3: 2 sqrt2 / sqrt d (radial), 0 (balanced)."""
    return _term_moment(p, 3) * float(p.weights.double().pow(3).sum())


def fourth_moment(p: Feature) -> float:
    """E p^4 = 3 + (E psi^4 - 3) sum w^4: 3 + 12/d at k = 2, 3 + 90/d at k = 3, and 3 + 24/L of
    products of three."""
    return 3 + (_term_moment(p, 4) - 3) * float(p.weights.double().pow(4).sum())


def variance(p: Feature, second: float = 1.0) -> float:
    """Var h of g = z + c_2 he_2(z): 2 + 6/d (balanced), 2 + 6/d + 4/sqrt d (radial)."""
    return 1 + math.sqrt(2) * second * third_moment(p) + second**2 * (fourth_moment(p) - 1) / 2


def square_of_degree_two(p: Feature) -> Float[Tensor, " d"]:
    """Coefficients of P_2(p^2) on he_2(x_i): k sqrt2 w_i^2; of products sqrt2 w_i^2 on each of the
    term's coordinates.

    Its squared norm is 8/d at k = 2 and 18/d at k = 3, of equal weights; P_2(p^2) of the radial
    feature is (2 sqrt2 / sqrt d) p.

    Raises:
        InvalidInputError: k = 1, where products of two terms are of degree 2 as well.
    """
    if p.degree < 2:
        raise InvalidInputError(f"degree={p.degree}; this closed form is of degree 2 or more.")
    squares = math.sqrt(2) * p.weights.double().square()
    return squares.repeat_interleave(p.degree) if p.product else p.degree * squares


def square_of_degree_four(p: Feature | Quadratic) -> float:
    """||P_4(p^2)||^2 at k = 2: E p^4 less what is of degree 0 and 2; 2 + 4/d of equal weights."""
    p = diagonal(p)
    return fourth_moment(p) - 1 - float(square_of_degree_two(p).square().sum())


def second_degree(p: Feature | Quadratic, second: float = 1.0) -> Float[Tensor, " d"]:
    """Coefficients of P_{<=2} (h - E h) on he_2(x_i) at k = 2: w_i + 2 c_2 w_i^2.

    (1 + 2/sqrt d) w of the radial feature; w and 2/sqrt d of the radial one, of the balanced.
    """
    p = diagonal(p)
    return p.weights + second / math.sqrt(2) * square_of_degree_two(p)


def low_degree_part(
    p: Feature, x: Float[Tensor, "n d"], second: float = 1.0
) -> Float[Tensor, " n"]:
    """P_{<=2} (h - E h) at x, of a diagonal feature of degree 2: all that stage one can learn."""
    found = second_degree(p, second).to(x)
    return hermite_series(x[:, : len(found)], [0.0, 0.0, 1.0]) @ found


def second_degree_correlation(p: Feature | Quadratic, second: float = 1.0) -> float:
    """corr(P_{<=2} h, p) at k = 2, the limit of corr(g_u, p): 1/sqrt(1 + 4/d) (balanced), 1
    (radial)."""
    found, weights = second_degree(p, second), diagonal(p).weights
    return float(found @ weights / found.norm())


def correlation_limit(p: Feature | Quadratic) -> float:
    """The same of g = z + he_2(z)."""
    return second_degree_correlation(p, 1.0)


def kernel_floor(p: Feature | Quadratic, second: float = 1.0) -> float:
    """Share of Var h of degree 4 at k = 2: what no learner of degree 3 explains.

    (1 + 2/d) / (2 + 6/d) (balanced), (1 + 2/d) / (2 + 6/d + 4/sqrt d) (radial).
    """
    p = diagonal(p)
    return second**2 * square_of_degree_four(p) / 2 / variance(p, second)


def cubic_slope(p: Feature, third: float) -> float:
    """P_{<=3} h over p, of products of three and the odd g = z + c_3 he_3(z): parallel to p.

    P_3(p^3) = E p^4 p, since p^3 has every term's parity, and equal weights: 1 + c_3 (24/L)/sqrt6.

    Raises:
        InvalidInputError: another feature, or weights that are not equal.
    """
    if not (p.product and p.degree == 3 and bool(torch.allclose(p.weights, p.weights[:1]))):
        raise InvalidInputError("this closed form is of products of three, of equal weights.")
    return 1 + third * (fourth_moment(p) - 3) / math.sqrt(6)


def _term_moment(p: Feature, power: int) -> float:
    """E psi^power, by Gauss's rule of as many nodes as make it exact."""
    degree = 1 if p.product else p.degree
    nodes, weights = np.polynomial.hermite_e.hermegauss(power * degree // 2 + 1)
    values = hermite(torch.from_numpy(nodes), degree)[:, degree].numpy()
    mean = float(weights @ values**power / weights.sum())
    return mean**p.degree if p.product else mean
