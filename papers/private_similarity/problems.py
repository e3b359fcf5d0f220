"""Synthetic points of [0, 1]^d."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError

ATOMS = (0.2, 0.5, 0.9)
SETS = ("uniform", "beta", "atoms")


def draw(name: str, n: int, d: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """Independent coordinates, float64.

    Args:
        name: ``uniform``; ``beta``, Beta(2, 5); or ``atoms``, each of three places with the same
            chance.
    """
    if name not in SETS:
        raise InvalidInputError(f"a set {name!r}; allowed: {', '.join(map(repr, SETS))}.")
    if name == "atoms":
        values = rng.choice(ATOMS, size=(n, d))
    else:
        values = rng.random((n, d)) if name == "uniform" else rng.beta(2.0, 5.0, (n, d))
    return torch.from_numpy(values)


def ball(n: int, d: int, rng: np.random.Generator) -> Float[Tensor, "n d"]:
    """Uniform in the ball of radius 1 around 0."""
    normal = rng.standard_normal((n, d))
    radii = rng.random((n, 1)) ** (1 / d)
    return torch.from_numpy(normal / np.linalg.norm(normal, axis=1, keepdims=True) * radii)
