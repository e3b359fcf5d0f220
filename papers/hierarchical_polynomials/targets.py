"""h = g(p(x)) of standard normal x: features p, links g, and what stage one cannot see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.hermite import hermite_series

SHAPES = ("balanced", "radial", "halves", "dominated", "rank_one", "product")


@dataclass(frozen=True)
class Feature:
    """p = sum_i w_i psi_i, with sum w_i^2 = 1: mean 0, variance 1 (Assumption 4).

    Attributes:
        degree: k.
        weights: w, one a term; lambda_i / sqrt L in the paper's letters.
        product: psi_i is a product of k coordinates of its own, and not he_k of the i-th one.
    """

    degree: int
    weights: Float[Tensor, " terms"]
    product: bool = False

    def __post_init__(self) -> None:
        if self.degree < 1 or not len(self.weights):
            raise InvalidInputError(
                f"degree={self.degree}, {len(self.weights)} terms; allowed: 1 or more of both."
            )
        square = float(self.weights.square().sum())
        if not math.isclose(square, 1, rel_tol=1e-6):
            raise InvalidInputError(
                f"squares of the weights sum to {square:g}; wanted: 1, for a variance of 1."
            )

    def __call__(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """p(x).

        Raises:
            InvalidInputError: fewer coordinates than the terms take.
        """
        terms = len(self.weights)
        taken = terms * self.degree if self.product else terms
        if x.shape[-1] < taken:
            raise InvalidInputError(
                f"{terms} terms of degree {self.degree} take {taken} coordinates; x has "
                f"{x.shape[-1]}."
            )
        if self.product:
            psi = x[:, :taken].reshape(len(x), terms, self.degree).prod(-1)
        else:
            psi = hermite_series(x[:, :terms], [0.0] * self.degree + [1.0])
        return psi @ self.weights.to(x)


def feature(shape: str, size: int, degree: int) -> Feature:
    """One of the shapes, of d coordinates.

    Args:
        shape: "balanced", lambda = 1, -1, 1, ...: no function of the norm; "radial", all lambda 1:
            for k = 2 a function of |x| alone, a control; "halves", lambda^2 = 1.6 on the first half
            and 0.4 on the other; "dominated", half of the variance in the first term; "rank_one",
            he_k(x_1), outside the paper's class; "product", products of k coordinates.
        size: d.

    Raises:
        InvalidInputError: another shape, or a size it does not allow.
    """
    if shape not in SHAPES:
        raise InvalidInputError(f"feature={shape!r}; allowed: {', '.join(SHAPES)}.")
    if size < (degree if shape == "product" else 2):
        raise InvalidInputError(f"d={size} is too few coordinates for {shape} of degree {degree}.")
    if shape == "product":
        terms = size // degree
        return Feature(degree, torch.full((terms,), terms**-0.5, dtype=torch.float64), True)
    weights = torch.ones(size, dtype=torch.float64)
    if shape == "balanced":
        weights[1::2] = -1
    elif shape == "halves":
        weights[: size // 2], weights[size // 2 :] = math.sqrt(1.6), math.sqrt(0.4)
    elif shape == "dominated":
        weights[0] = math.sqrt(size - 1)
    elif shape == "rank_one":
        weights[1:] = 0
    return Feature(degree, weights / weights.norm())


@dataclass(frozen=True)
class Quadratic:
    """p = (<x, A x> - tr A) / (sqrt 2 ||A||_F), for any symmetric A.

    It is of the paper's class if ||A||_op is far below ||A||_F.
    """

    matrix: Float[Tensor, "d d"]

    def __call__(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        a = ((self.matrix + self.matrix.mT) / 2).to(x)
        return ((x @ a * x).sum(-1) - a.trace()) / (math.sqrt(2) * a.norm())


@dataclass(frozen=True)
class Link:
    """g = sum_j c_j he_j; E g'(z) = c_1 of a normal z.

    Attributes:
        coefficients: c_0, c_1, ...
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if not any(self.coefficients[1:]):
            raise InvalidInputError(
                f"link={list(self.coefficients)} is constant; a coefficient after the first has to "
                f"differ from 0."
            )

    def __call__(self, z: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return hermite_series(z, self.coefficients)


def correlation_limit(size: int) -> float:
    """corr(P_{<=2} h, p) of the balanced feature of degree 2 and g = z + (z^2 - 1) / sqrt 2.

    Its part of degree 2 is p + (2 / sqrt d) r, with r the radial feature: 1 / sqrt(1 + 4 / d).
    """
    return (1 + 4 / size) ** -0.5


def kernel_floor(size: int) -> float:
    """Share of Var h of degree 4, of the same: what no learner of degree 3 explains."""
    return (1 + 2 / size) / (2 + 6 / size)


def second_degree_correlation(weights: Float[Tensor, " d"], second: float) -> float:
    """corr(P_2 h, p) of diagonal features of degree 2 and g = z + c_2 he_2(z), exactly.

    P_2 p^2 has 2 sqrt2 w_i^2 on he_2(x_i), so that P_2 h has w_i + 2 c_2 w_i^2 there, and no
    product of two coordinates.
    """
    found = weights + 2 * second * weights.square()
    return float(found @ weights / found.norm() / weights.norm())
