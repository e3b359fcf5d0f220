"""Polynomials in place of exp on an interval [-R, R], and the degree that an error asks for.

Errors are relative, ``|P(s) - e^s| <= eta e^s``: behind the softmax the weights are then off by at
most ``2 eta / (1 - eta)`` of themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import Polynomial as Powers
from numpy.polynomial.chebyshev import Chebyshev
from scipy.special import hyp1f1

from common.errors import InvalidInputError

KINDS = ("taylor", "chebyshev")
MAX_CHEBYSHEV_DEGREE = 16  # beyond it powers of s are too ill-conditioned a basis
_HIGHEST, _HIGHEST_TAYLOR = 80, 2000


@dataclass(frozen=True)
class ExpPolynomial:
    """``P(s) = sum_t c_t s^t``.

    Attributes:
        coefficients: c_0, ..., c_g.
        kind: ``taylor`` or ``chebyshev``.
        radius: R, of the interval that it was made for.
    """

    coefficients: tuple[float, ...]
    kind: str
    radius: float

    @property
    def degree(self) -> int:
        """g."""
        return len(self.coefficients) - 1

    def __call__(self, scores):
        """P(scores), by Horner's rule; any array."""
        value = 0 * scores
        for coefficient in reversed(self.coefficients):
            value = value * scores + coefficient
        return value

    @cached_property
    def relative_error(self) -> float:
        """eta on [-R, R]."""
        return self.relative_error_on(self.radius)

    def is_positive(self, radius: float) -> bool:
        """Whether P > 0 on [-radius, radius]: row sums that vanish are no weights.

        Taylor polynomials of even degree are positive everywhere.
        """
        if self.kind == "taylor" and self.degree % 2 == 0:
            return True
        powers = Powers(self.coefficients)
        return bool((powers(_turns(powers.deriv(), radius)) > 0).all())

    def relative_error_on(self, radius: float) -> float:
        """eta on another interval."""
        if self.kind == "taylor":
            return taylor_error(self.degree, radius)
        return relative_error(Powers(self.coefficients), radius)


def taylor(degree: int, radius: float) -> ExpPolynomial:
    """``sum_t s^t / t!``.

    Raises:
        InvalidInputError: no such degree or interval.
    """
    _check(degree, radius)
    return ExpPolynomial(
        tuple(1 / math.factorial(t) for t in range(degree + 1)), "taylor", float(radius)
    )


def chebyshev(degree: int, radius: float) -> ExpPolynomial:
    """The interpolant at Chebyshev's points of [-R, R], in powers of s.

    Raises:
        InvalidInputError: no such degree or interval; a degree above 16, where the change to powers
            loses the digits that the higher degree was to bring.
    """
    _check(degree, radius)
    if degree > MAX_CHEBYSHEV_DEGREE:
        raise InvalidInputError(
            f"degree={degree}: Chebyshev polynomials are turned into powers up to degree "
            f"{MAX_CHEBYSHEV_DEGREE}. Take taylor, or a smaller degree."
        )
    powers = _interpolant(degree, radius).convert(kind=Powers, domain=[-1, 1], window=[-1, 1])
    coefficients = np.zeros(degree + 1)
    coefficients[: len(powers.coef)] = powers.coef
    return ExpPolynomial(tuple(coefficients.tolist()), "chebyshev", float(radius))


def polynomial(kind: str, degree: int, radius: float) -> ExpPolynomial:
    """Of either kind.

    Raises:
        InvalidInputError: another kind, degree or interval.
    """
    if kind not in KINDS:
        raise InvalidInputError(f"polynomial={kind!r}; allowed: {', '.join(KINDS)}.")
    return (taylor if kind == "taylor" else chebyshev)(degree, radius)


def smallest_degree(kind: str, radius: float, eta: float) -> int:
    """The least degree whose relative error on [-radius, radius] is at most ``eta``.

    Raises:
        InvalidInputError: another kind, an error outside (0, 1), or a radius that is not positive
            and finite; no degree up to 2,000 (80 for Chebyshev) is enough.
    """
    if not 0 < radius < math.inf:
        raise InvalidInputError(f"radius={radius}; allowed: above 0 and finite.")
    if not 0 < eta < 1:
        raise InvalidInputError(f"eta={eta}; allowed: above 0 and below 1.")
    if kind not in KINDS:
        raise InvalidInputError(f"polynomial={kind!r}; allowed: {', '.join(KINDS)}.")
    error, highest = (
        (taylor_error, _HIGHEST_TAYLOR) if kind == "taylor" else (chebyshev_error, _HIGHEST)
    )
    for degree in range(highest + 1):
        if error(degree, radius) <= eta:
            return degree
    raise InvalidInputError(
        f"No {kind} polynomial of degree up to {highest} has a relative error of {eta:g} on "
        f"[-{radius:g}, {radius:g}]. Norms are too large for this method."
    )


def taylor_error(degree: int, radius: float) -> float:
    """eta of the Taylor polynomial, from a series without cancellation.

    ``P' = P - s^g/g!``, so that P e^-s falls on either side of 0 and the error is largest at the
    left end, where it is ``int_0^R s^g e^s ds / g! = R^(g+1)/(g+1)! 1F1(g+1; g+2; R)``.
    """
    series = hyp1f1(degree + 1, degree + 2, radius)
    if series == 0 or not math.isfinite(series):
        return math.inf
    logarithm = (degree + 1) * math.log(radius) - math.lgamma(degree + 2) + math.log(series)
    return math.exp(logarithm) if logarithm < 700 else math.inf


def chebyshev_error(degree: int, radius: float) -> float:
    """eta of the interpolant, judged in its own basis, in which degrees above 16 keep their
    digits."""
    return relative_error(_interpolant(degree, radius), radius)


def relative_error(candidate: Powers | Chebyshev, radius: float) -> float:
    """Largest ``|P(s) e^-s - 1|`` on [-radius, radius]: at an end, or where P' = P."""
    s = _turns(candidate.deriv() - candidate, radius)
    return float(np.abs(candidate(s) * np.exp(-s) - 1).max())


def _turns(slope: Powers | Chebyshev, radius: float) -> np.ndarray:
    """Ends of the interval and real roots inside, with a fine grid should a root be missed."""
    grid = np.linspace(-radius, radius, 257)
    slope = slope.trim()
    if slope.degree() < 1:
        return grid
    roots = slope.roots()
    real = roots.real[(np.abs(roots.imag) < 1e-7) & (np.abs(roots.real) <= radius)]
    return np.concatenate([grid, real])


def _interpolant(degree: int, radius: float) -> Chebyshev:
    return Chebyshev.interpolate(np.exp, degree, domain=[-radius, radius])


def _check(degree: int, radius: float) -> None:
    if degree < 0:
        raise InvalidInputError(f"degree={degree}; allowed: 0 or more.")
    if not 0 < radius < math.inf:
        raise InvalidInputError(f"radius={radius}; allowed: above 0 and finite.")
