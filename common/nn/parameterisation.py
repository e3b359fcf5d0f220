"""A constrained quantity as a free parameter: ``value = transform(raw)``.

S4D stores the decay -Re(A) and the step size so (Gu et al., NeurIPS 2022, sec. 4.2); ``none``
leaves the quantity free, which lets an eigenvalue wander into the unstable half-plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from common.errors import InvalidInputError

# The smallest value that an inverse is taken of, and the floor under `relu`.
SMALLEST = 1e-4


@dataclass(frozen=True)
class Transform:
    """``forward``: raw parameter to quantity; ``inverse``: a start to its raw value."""

    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


TRANSFORMS = {
    "exp": Transform(torch.exp, torch.log),
    "relu": Transform(lambda raw: F.relu(raw) + SMALLEST, lambda value: value - SMALLEST),
    "softplus": Transform(F.softplus, lambda value: value + torch.log(-torch.expm1(-value))),
    "sigmoid": Transform(torch.sigmoid, torch.logit),
    "none": Transform(lambda raw: raw, lambda value: value),
}


def constrained(raw: Float[Tensor, "*shape"], kind: str) -> Float[Tensor, "*shape"]:
    """The quantity that ``raw`` stands for."""
    return TRANSFORMS[kind].forward(raw)


def raw_value(value: Float[Tensor, "*shape"], kind: str) -> Float[Tensor, "*shape"]:
    """The raw parameter that stands for ``value``; constrained ones are clamped at 1e-4 first.

    Raises:
        InvalidInputError: ``sigmoid`` cannot reach a value of 1 or more.
    """
    if kind == "none":
        return value.clone()
    if kind == "sigmoid" and bool((value >= 1).any()):
        raise InvalidInputError(
            f"a sigmoid stays below 1 and cannot start at {float(value.max()):g}; allowed: exp, "
            "relu, softplus, none."
        )
    return TRANSFORMS[kind].inverse(value.clamp(min=SMALLEST))


def check_transform(name: str, kind: str) -> None:
    """Raises InvalidInputError naming the option if ``kind`` is not a transform."""
    if kind not in TRANSFORMS:
        raise InvalidInputError(f"{name}={kind!r}; allowed: {', '.join(TRANSFORMS)}.")
