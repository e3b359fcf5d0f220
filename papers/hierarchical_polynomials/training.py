"""The two stages of Algorithm 1, in closed form or by the gradient descent that the paper runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.choices import LAST_RIDGES, RIDGES, SOLVERS
from papers.hierarchical_polynomials.models import Samples, ThreeLayerNet
from papers.hierarchical_polynomials.ridge import Moments, check_ridges, cross_validated

FOLDS = 5


@dataclass(frozen=True)
class Learnt:
    """What training chose.

    Attributes:
        ridge: xi1.
        last_ridge: xi2.
    """

    ridge: float
    last_ridge: float


@dataclass(frozen=True)
class Solver:
    """How u and c are found.

    Attributes:
        name: "ridge", in closed form; "descent", by gradient descent from 0, which has the same
            fixed points and stops early where ``steps`` do not reach them.
        steps: T1 and T2 at most, of descent; it ends before where it is within 1e-6 of the fixed
            point's length.

    Raises:
        InvalidInputError: another name, or steps that are not a whole number from 1 on.
    """

    name: str = "ridge"
    steps: int = 10_000

    def __post_init__(self) -> None:
        if self.name not in SOLVERS:
            raise InvalidInputError(f"solver={self.name!r}; allowed: {', '.join(SOLVERS)}.")
        if not isinstance(self.steps, Integral) or self.steps < 1:
            raise InvalidInputError(f"steps={self.steps!r}; allowed: a whole number, 1 or more.")

    def u(self, moments: Moments, xi: float) -> Float[Tensor, " m2"]:
        """Of stage one."""
        if self.name == "descent":
            return moments.descent(xi, self.steps)
        return moments.ridge(xi)

    def c(
        self, rows: Float[Tensor, "n m1"], y: Float[Tensor, " n"], ridges: Sequence[float]
    ) -> tuple[Float[Tensor, " m1"], float]:
        """Of stage two, and xi2."""
        steps = self.steps if self.name == "descent" else None
        return cross_validated(rows, y, ridges, FOLDS, steps=steps)


CLOSED = Solver()


@torch.no_grad()
def stage_one(
    net: ThreeLayerNet,
    moments: Moments,
    ridges: Sequence[float],
    held_out: Samples,
    solver: Solver = CLOSED,
) -> float:
    """u of the ridge that does best on other samples.

    Args:
        net: whose u is set, and the affine map by which stage two sees g_u.
        moments: of its features on the first half of the samples (``moments_of``).
        ridges: xi1 that are tried.
        held_out: the second half.

    Returns:
        xi1.

    Raises:
        InvalidInputError: no ridges above 0.
    """
    check_ridges(ridges)
    found = torch.stack([solver.u(moments, xi) for xi in ridges])
    said = _said(net, held_out, found)
    errors = (said - held_out.y.to(said)[:, None]).square().mean(0)
    best = int(errors.argmin())
    _set_feature(net, found[best], said[:, best])
    return ridges[best]


@torch.no_grad()
def stage_one_shared(
    net: ThreeLayerNet, samples: Samples, ridges: Sequence[float], solver: Solver = CLOSED
) -> float:
    """u where no samples are held out: the ridge by five-fold validation, the solution on all.

    Returns:
        xi1.

    Raises:
        InvalidInputError: no ridges above 0, or fewer rows than folds.
    """
    check_ridges(ridges)
    if len(samples) < FOLDS:
        raise InvalidInputError(f"{len(samples)} rows; {FOLDS} folds want at least as many.")
    parts = [Samples(samples.x[fold::FOLDS], samples.y[fold::FOLDS]) for fold in range(FOLDS)]
    whole = moments_of(net, samples)
    errors = torch.zeros(len(ridges), dtype=net.u.dtype, device=net.u.device)
    for part in parts:
        kept = whole - moments_of(net, part)
        found = torch.stack([solver.u(kept, xi) for xi in ridges])
        said = _said(net, part, found)
        errors += (said - part.y.to(said)[:, None]).square().sum(0)
    ridge = ridges[int(errors.argmin())]
    u = solver.u(whole, ridge)
    _set_feature(net, u, _said(net, samples, u[None])[:, 0])
    return ridge


def _said(
    net: ThreeLayerNet, samples: Samples, found: Float[Tensor, "ridges m2"]
) -> Float[Tensor, "n ridges"]:
    return torch.cat([net.features(rows) @ found.mT for rows in samples.x.split(4096)])


def _set_feature(net: ThreeLayerNet, u: Float[Tensor, " m2"], said: Float[Tensor, " n"]) -> None:
    """u, and mean and deviation of g_u on the samples of stage two."""
    deviation, mean = torch.std_mean(said, correction=0)
    # Of a constant y, a feature that is the same everywhere: nothing is left to be scaled.
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    net.u.copy_(u)
    net.mean.copy_(mean)
    net.deviation.copy_(deviation)


@torch.no_grad()
def stage_two(
    net: ThreeLayerNet,
    values: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    ridges: Sequence[float] = LAST_RIDGES,
    solver: Solver = CLOSED,
) -> float:
    """c, from values of the one-dimensional feature: a ridge chosen by five-fold validation.

    Returns:
        xi2.
    """
    wanted = y.to(values) - values if net.skip else y.to(values)
    c, ridge = solver.c(net.last_features(values), wanted, ridges)
    net.c.copy_(c)
    return ridge


@torch.no_grad()
def moments_of(net: ThreeLayerNet, samples: Samples, block: int = 4096) -> Moments:
    """F^T F / n and F^T y / n, never more than a block of F at once."""
    found = Moments.zeros(net.u)
    for x, y in zip(samples.x.split(block), samples.y.split(block), strict=True):
        found = found.with_rows(net.features(x), y.to(net.u))
    return found


def train(
    net: ThreeLayerNet,
    first: Samples,
    second: Samples,
    ridges: Sequence[float] = RIDGES,
    last_ridges: Sequence[float] = LAST_RIDGES,
    solver: Solver = CLOSED,
) -> Learnt:
    """Algorithm 1.

    Args:
        first: D1, of stage one.
        second: D2, fresh, which chooses xi1 and is all that stage two sees.

    Raises:
        InvalidInputError: no ridges above 0, or fewer than five rows of D2.
    """
    return _train(
        net,
        second,
        lambda: stage_one(net, moments_of(net, first), ridges, second, solver),
        last_ridges,
        solver,
    )


def train_shared(
    net: ThreeLayerNet,
    samples: Samples,
    ridges: Sequence[float] = RIDGES,
    last_ridges: Sequence[float] = LAST_RIDGES,
    solver: Solver = CLOSED,
) -> Learnt:
    """The same without splitting: both stages see all samples (an ablation)."""
    return _train(
        net, samples, lambda: stage_one_shared(net, samples, ridges, solver), last_ridges, solver
    )


def _train(
    net: ThreeLayerNet,
    seen: Samples,
    first_stage: Callable[[], float],
    last_ridges: Sequence[float],
    solver: Solver,
) -> Learnt:
    check_ridges(last_ridges, "last_ridges")
    ridge = first_stage()
    with torch.no_grad():
        values = net.learnt(seen.x)
    return Learnt(ridge, stage_two(net, values, seen.y, last_ridges, solver))
