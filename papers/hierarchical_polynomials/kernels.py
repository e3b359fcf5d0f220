"""Kernel ridge regression, the ridge chosen on the test set: an oracle that favours the kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.models import Samples

Kernel = Callable[[Float[Tensor, "n d"], Float[Tensor, "m d"]], Float[Tensor, "n m"]]
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


def gaussian(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """exp(-|x - y|^2 / (4 d))."""
    size = x.shape[1]
    inner = torch.addmm(-y.square().sum(1) / 2, x, y.mT).sub_(x.square().sum(1)[:, None] / 2)
    return inner.mul_(1 / (2 * size)).clamp_(max=0).exp_()


def polynomial(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """(1 + <x, y> / d)^4."""
    return (x @ y.mT).mul_(1 / x.shape[1]).add_(1).square_().square_()


def arc_cosine(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """|x| |y| (sin t + (pi - t) cos t) / (pi d), t the angle: of infinitely many ReLU features."""
    lengths = x.norm(dim=1)[:, None] * y.norm(dim=1)
    cosine = (x @ y.mT).div_(lengths).clamp_(-1, 1)
    sine = (1 - cosine.square()).clamp_(min=0).sqrt_()
    return (sine + (math.pi - cosine.arccos()) * cosine) * lengths / (math.pi * x.shape[1])


KERNELS: dict[str, Kernel] = {
    "gaussian": gaussian,
    "polynomial": polynomial,
    "arc_cosine": arc_cosine,
}


def errors(
    kernel: Kernel, seen: Samples, test: Samples, ridges: Sequence[float] = RIDGES
) -> dict[float, float]:
    """Relative test errors, by ridge: of f = k(., X) (K + ridge I)^-1 y.

    Held and solved in float32: K takes 4 n^2 bytes, twice. A ridge that is lost in rounding says
    infinity.

    Raises:
        InvalidInputError: no ridges.
    """
    if not len(ridges):
        raise InvalidInputError("no ridges; one or more are wanted.")
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


def relative_error(said: Float[Tensor, " n"], y: Float[Tensor, " n"]) -> float:
    """Mean squared error over the variance of y."""
    return float((said - y).square().mean() / y.var(correction=0))
