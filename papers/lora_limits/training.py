"""Training of adapters by exact or by fast gradients, with or without a cap on the scores (E11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.lora_limits.exact import closed_form
from papers.lora_limits.head import NAMES
from papers.lora_limits.instances import Draws
from papers.lora_limits.models import AdaptedHead
from papers.lora_limits.polynomials import ExpPolynomial

_MIN_COSINE = 0.999


@dataclass(frozen=True)
class Lesson:
    """What is learnt.

    Attributes:
        x: tokens.
        y: outputs of the teacher, whose weights are W* plus a Gaussian product of the rank.
        weights: W* of query, key and value.
        beta: scale of the scores.
    """

    x: Float[Tensor, "L d"]
    y: Float[Tensor, "L d"]
    weights: dict[str, Tensor]
    beta: float


@dataclass
class Trace:
    """Of one training.

    Attributes:
        losses: exact loss before each step and at the end; up to where it stopped being finite.
        radii: R at the same points.
        cosines: of the gradient that was followed with the exact one, of all factors together.
        caps: how often the adapters were shrunk.
    """

    losses: list[float] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    caps: int = 0

    def broke(self) -> int | None:
        """The first step whose gradient has a cosine below 0.999; None: none has."""
        return next((i for i, cosine in enumerate(self.cosines) if not cosine >= _MIN_COSINE), None)


def lesson(length: int, width: int, rank: int, gamma: float, seed: int, device="cpu") -> Lesson:
    """A head at Gamma = gamma, and a teacher that differs from it by a product of the rank.

    Raises:
        InvalidInputError: a size is below 1, or gamma is not positive.
    """
    if min(length, width, rank) < 1 or not gamma > 0:
        raise InvalidInputError(
            f"length={length}, width={width}, rank={rank} and gamma={gamma}; allowed: 1 or more, "
            "and gamma above 0."
        )
    draw = Draws(seed, device=device)
    x = draw.normal(length, width)
    weights = {}
    for name in NAMES:
        drawn = draw.normal(width, width)
        weights[name] = 0.5 * drawn if name == "value" else gamma / (x @ drawn).abs().max() * drawn
    taught = {name: w + draw.normal(width, rank) @ draw.normal(rank, width) for name, w in
              weights.items()}  # fmt: skip
    q, k, v = (x @ taught[name] for name in NAMES)
    y = torch.softmax(q @ k.mT / width, -1) @ v
    return Lesson(x, y, weights, 1 / width)


def student(
    of: Lesson, rank: int, seed: int, polynomial: ExpPolynomial | None = None
) -> AdaptedHead:
    """The head with fresh adapters, drawn alike for every method."""
    generator = torch.Generator().manual_seed(seed)
    head = AdaptedHead(of.weights, rank, of.beta, polynomial=polynomial, generator=generator)
    return head.to(of.x.device)


def train(
    head: AdaptedHead,
    of: Lesson,
    *,
    steps: int,
    lr: float,
    cap: float | None = None,
    between: Callable[[], None] = lambda: None,
) -> Trace:
    """Adam on all factors; what the head's attention gives as a gradient is followed.

    Args:
        cap: after each step the adapters of query and key shrink until no score can exceed it.
        between: called before each step.

    Raises:
        InvalidInputError: there is no step, or the cap is below what the frozen weights need.
    """
    if steps < 1 or not lr > 0:
        raise InvalidInputError(f"steps={steps} and lr={lr}; allowed: 1 or more, and above 0.")
    names = [f"{name}.{factor}" for name in NAMES for factor in ("B", "A")]
    factors = [getattr(head, factor)[name] for name, factor in (n.split(".") for n in names)]
    adam = torch.optim.Adam(factors, lr=lr)
    trace = Trace()
    for step in range(steps + 1):
        between()
        problem = head.problem(of.x, of.y)
        exact = closed_form(problem)
        trace.losses.append(exact.loss)
        trace.radii.append(head.radius(of.x))
        if step == steps:
            break
        adam.zero_grad()
        ((head(of.x) - of.y).square().sum() / 2).backward()
        wanted = exact.of_adapters(problem.head)
        followed = torch.cat([factor.grad.flatten() for factor in factors])
        true = torch.cat([wanted[name].flatten() for name in names])
        trace.cosines.append(float(torch.cosine_similarity(followed, true, dim=0)))
        adam.step()
        if not all(torch.isfinite(factor).all() for factor in factors):
            break
        if cap is not None:
            trace.caps += head.cap(of.x, cap)
    return trace
