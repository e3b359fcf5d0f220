"""Kernel ridge regression, and random features in a kernel's place: the ridge is chosen on the test
set, an oracle that favours them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.choices import FEATURE_RIDGES, KERNEL_RIDGES
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.ridge import Moments, check_ridges

Kernel = Callable[[Float[Tensor, "n d"], Float[Tensor, "m d"]], Float[Tensor, "n m"]]
Features = Callable[[Float[Tensor, "n d"]], Float[Tensor, "n m"]]


def gaussian(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """exp(-|x - y|^2 / (4 d))."""
    size = x.shape[1]
    inner = torch.addmm(-y.square().sum(1) / 2, x, y.mT).sub_(x.square().sum(1)[:, None] / 2)
    return inner.mul_(1 / (2 * size)).clamp_(max=0).exp_()


def polynomial(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """(1 + <x, y> / d)^4."""
    return (x @ y.mT).mul_(1 / x.shape[1]).add_(1).square_().square_()


def arc_cosine(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """|x| |y| (sin t + (pi - t) cos t) / (pi d), t the angle: of infinitely many ReLU features.

    0 where a row is 0, which has no angle with another.
    """
    lengths = x.norm(dim=1)[:, None] * y.norm(dim=1)
    tiny = torch.finfo(lengths.dtype).tiny
    cosine = (x @ y.mT).div_(lengths.clamp(min=tiny)).clamp_(-1, 1)
    sine = (1 - cosine.square()).clamp_(min=0).sqrt_()
    return (sine + (math.pi - cosine.arccos()) * cosine) * lengths / (math.pi * x.shape[1])


KERNELS: dict[str, Kernel] = {
    "gaussian": gaussian,
    "polynomial": polynomial,
    "arc_cosine": arc_cosine,
}


def errors(
    kernel: Kernel, seen: Samples, test: Samples, ridges: Sequence[float] = KERNEL_RIDGES
) -> dict[float, float]:
    """Relative test errors, by ridge: of f = k(., X) (K + ridge I)^-1 y.

    Held and solved in float32: K takes 4 n^2 bytes, twice. A ridge that is lost in rounding says
    infinity.

    Raises:
        InvalidInputError: no ridges above 0, y of the test set is constant, or x of another width.
    """
    _check(seen, test, ridges)
    x, points = seen.x.float(), test.x.float()
    matrix, across = kernel(x, x), kernel(points, x)
    diagonal, found = matrix.diagonal().clone(), {}
    for ridge in ridges:
        matrix.diagonal().copy_(diagonal + ridge)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        if bool(failed):
            found[ridge] = math.inf
            continue
        said = across @ torch.cholesky_solve(seen.y.float()[:, None], factor)[:, 0]
        found[ridge] = relative_error(said.to(test.y), test.y)
    return found


def feature_errors(
    features: Features,
    seen: Samples,
    test: Samples,
    ridges: Sequence[float] = FEATURE_RIDGES,
    block: int = 4096,
) -> dict[float, float]:
    """Relative test errors, by ridge: of f = F(.) (F^T F / n + ridge I)^-1 F^T y / n.

    Features of ``block`` rows are held at once. A ridge that is lost in rounding says infinity.

    Raises:
        InvalidInputError: no ridges above 0, y of the test set is constant, or x of another width.
    """
    _check(seen, test, ridges)
    like = features(seen.x[:1])[0]
    moments = Moments.zeros(like)
    for x, y in zip(seen.x.split(block), seen.y.split(block), strict=True):
        moments = moments.with_rows(features(x), y.to(like))
    found, solved = dict.fromkeys(ridges, math.inf), {}
    for ridge in ridges:
        with contextlib.suppress(InvalidInputError):  # lost in rounding
            solved[ridge] = moments.ridge(ridge)
    if solved:
        stacked = torch.stack(list(solved.values()), 1)
        said = torch.cat([features(x) @ stacked for x in test.x.split(block)])
        for ridge, column in zip(solved, said.unbind(1), strict=True):
            found[ridge] = relative_error(column.to(test.y), test.y)
    return found


def _check(seen: Samples, test: Samples, ridges: Sequence[float]) -> None:
    check_ridges(ridges)
    if seen.x.shape[1] != test.x.shape[1]:
        raise InvalidInputError(
            f"x of {seen.x.shape[1]} coordinates, of the test set {test.x.shape[1]}; wanted: as "
            f"many."
        )
    if not float(test.y.std(correction=0)) > 0:
        raise InvalidInputError(
            "y of the test set is constant: an error relative to its variance has no meaning."
        )


def relative_error(said: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> float:
    """Mean squared error over the variance of y."""
    return float((said - y).square().mean() / y.var(correction=0))
