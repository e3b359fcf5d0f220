"""h = g(p(x)) of standard normal x: features p and links g. Closed forms: ``closed_forms``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.hermite import hermite_series
from papers.hierarchical_polynomials.choices import SHAPES


@dataclass(frozen=True)
class Feature:
    """p = sum_i w_i psi_i, with sum w_i^2 = 1: mean 0, variance 1 (Assumption 4).

    Attributes:
        degree: k.
        weights: w, one a term; lambda_i / sqrt L in the paper's letters.
        product: psi_i is a product of k coordinates of its own, and not he_k of the i-th one.

    Raises:
        InvalidInputError: a degree that is not a whole number from 1 on, no terms, or another
            variance.
    """

    degree: int
    weights: Float[Tensor, " terms"]
    product: bool = False

    def __post_init__(self) -> None:
        check_degree(self.degree)
        if not len(self.weights):
            raise InvalidInputError("no terms; one or more are wanted.")
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


@dataclass(frozen=True)
class Quadratic:
    """p = (<x, A x> - tr A) / (sqrt 2 ||A||_F), for any square A, of which the symmetric part
    counts.

    It is of the paper's class if ||A||_op is far below ||A||_F. In the eigenvectors of A it is a
    ``Feature`` of degree 2, whose closed forms are its own.

    Raises:
        InvalidInputError: A is not square and finite, or its symmetric part is 0.
    """

    matrix: Float[Tensor, "d d"]

    def __post_init__(self) -> None:
        a = self.matrix
        if a.ndim != 2 or a.shape[0] != a.shape[1] or not a.is_floating_point():
            raise InvalidInputError(
                f"A of shape {tuple(a.shape)}, {a.dtype}; wanted: (d, d), floating point."
            )
        if not bool(a.isfinite().all()):
            raise InvalidInputError("NaN or infinity in A; allowed: finite numbers.")
        if not float(self._symmetric().norm()) > 0:
            raise InvalidInputError("the symmetric part of A is 0: p would be 0 everywhere.")

    def __call__(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """p(x)."""
        a = self._symmetric().to(x)
        return ((x @ a * x).sum(-1) - a.trace()) / (math.sqrt(2) * a.norm())

    def diagonal(self) -> Feature:
        """The same p in coordinates along the eigenvectors; |largest weight| is ||A||_op over
        ||A||_F."""
        values = torch.linalg.eigvalsh(self._symmetric().double())
        return Feature(2, values / values.norm())

    def _symmetric(self) -> Float[Tensor, "d d"]:
        return (self.matrix + self.matrix.mT) / 2


def feature(shape: str, size: int, degree: int) -> Feature | Quadratic:
    """One of the shapes, of d coordinates.

    Args:
        shape: "balanced", lambda = 1, -1, 1, ..., as many of both: no function of the norm;
            "radial", all lambda 1: for k = 2 a function of |x| alone, a control; "halves",
            lambda^2 = 1.6 on the first half and 0.4 on the other; "product", products of k
            coordinates; "quadratic", of degree 2 and a fixed symmetric Gaussian matrix without
            trace. Outside the paper's class: "dominated", half of the variance in the first term;
            "two_dominated", half of it in the first two, of opposite signs; "rank_one", he_k(x_1).
        size: d.

    Raises:
        InvalidInputError: another shape, or a size or degree it does not allow.
    """
    if shape not in SHAPES:
        raise InvalidInputError(f"feature={shape!r}; allowed: {', '.join(SHAPES)}.")
    check_degree(degree)
    least = {"product": degree, "two_dominated": 3}.get(shape, 2)
    if size < least:
        raise InvalidInputError(
            f"d={size} is too few coordinates for {shape} of degree {degree}; allowed: {least} or "
            f"more."
        )
    if shape == "balanced" and size % 2:
        raise InvalidInputError(f"d={size} for balanced; allowed: even, as many signs of both.")
    if shape == "quadratic":
        if degree != 2:
            raise InvalidInputError(f"degree={degree} for quadratic; allowed: 2.")
        return Quadratic(_traceless(size))
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
    elif shape == "two_dominated":
        weights[0] = math.sqrt((size - 2) / 2)
        weights[1] = -weights[0]
    elif shape == "rank_one":
        weights[1:] = 0
    return Feature(degree, weights / weights.norm())


def _traceless(size: int) -> Float[Tensor, "d d"]:
    """The same for every run of one d, so that seeds differ in their samples alone."""
    drawn = torch.from_numpy(np.random.default_rng(size).standard_normal((size, size)))
    symmetric = drawn + drawn.mT
    return symmetric - symmetric.trace() / size * torch.eye(size, dtype=torch.float64)


def check_degree(degree: int) -> None:
    """Refuse what is no degree of a polynomial that varies.

    Raises:
        InvalidInputError: not a whole number from 1 on.
    """
    if isinstance(degree, bool) or not isinstance(degree, Integral) or degree < 1:
        raise InvalidInputError(f"degree={degree!r}; allowed: a whole number, 1 or more.")


@dataclass(frozen=True)
class Link:
    """g = sum_j c_j he_j; E g'(z) = c_1 of a normal z.

    Attributes:
        coefficients: c_0, c_1, ...

    Raises:
        InvalidInputError: a g that is constant, or a coefficient that is not finite.
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.coefficients)):
            raise InvalidInputError(
                f"link={list(self.coefficients)}; allowed: finite coefficients."
            )
        if not any(self.coefficients[1:]):
            raise InvalidInputError(
                f"link={list(self.coefficients)} is constant; a coefficient after the first has to "
                f"differ from 0."
            )

    def __call__(self, z: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return hermite_series(z, self.coefficients)
