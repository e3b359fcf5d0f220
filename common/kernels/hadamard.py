"""The fast Walsh-Hadamard transform: n log n additions, no matrix."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def walsh_hadamard(x: Float[Tensor, "*b n"]) -> Float[Tensor, "*b n"]:
    """H x of the last dimension, H orthonormal and symmetric, in the natural order: H H x = x.

    Raises:
        ValueError: n is no power of 2.
    """
    size = x.shape[-1]
    if size < 1 or size & (size - 1):
        raise ValueError(f"{size} entries; needed is a power of 2: fill up with zeros")
    half = 1
    while half < size:
        pairs = x.unflatten(-1, (size // (2 * half), 2, half))
        first, second = pairs.unbind(-2)
        x = torch.stack((first + second, first - second), -2).flatten(-3)
        half *= 2
    return x / size**0.5
