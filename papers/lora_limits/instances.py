"""Random heads with a knob for their norms."""

from __future__ import annotations

import torch
from torch import Tensor

from common.errors import InvalidInputError
from papers.lora_limits.head import AdaptedWeight, Head, Problem


class Draws:
    """Gaussian tensors from one seed."""

    def __init__(self, seed: int, dtype: torch.dtype = torch.float64, device="cpu"):
        self.generator = torch.Generator().manual_seed(seed)
        self.dtype, self.device = dtype, device

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1), drawn in float64 on the CPU whatever the type, so that types agree."""
        drawn = torch.randn(*shape, generator=self.generator, dtype=torch.float64)
        return drawn.to(self.device, self.dtype)


def standard_problem(
    length: int,
    width: int,
    gamma: float,
    seed: int,
    *,
    rank: int = 2,
    alpha: float = 4.0,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Problem:
    """Gaussian tokens and weights, adapters on all three, beta = 1/d.

    W* and B of the query and of the key are rescaled together such that the largest entries of
    ``X W_Q`` and ``X W_K``, adapters included, are gamma. W_V* has variance 1/4, Y 1.

    Raises:
        InvalidInputError: a size is below 1, or gamma is not positive.
    """
    if min(length, width, rank) < 1 or not gamma > 0:
        raise InvalidInputError(
            f"length={length}, width={width}, rank={rank} and gamma={gamma}; allowed: 1 or more, "
            "and gamma above 0."
        )
    draw = Draws(seed, dtype, device)
    x = draw.normal(length, width)

    def weight(largest: float | None, deviation: float = 1.0) -> AdaptedWeight:
        frozen = deviation * draw.normal(width, width)
        B, A = 0.25 * draw.normal(width, rank), deviation * draw.normal(rank, width)
        adapted = AdaptedWeight(frozen, B, A, alpha / rank)
        if largest is None:
            return adapted
        factor = largest / (x @ adapted.merged).abs().max()
        return AdaptedWeight(factor * frozen, factor * B, A, alpha / rank)

    head = Head(weight(gamma), weight(gamma), weight(None, 0.5), beta=1 / width)
    return Problem(x, draw.normal(length, width), head)


def grown_adapter(
    length: int, width: int, seed: int, growth: float, *, rank: int = 2, alpha: float = 4.0
) -> Problem:
    """A fixed head whose query adapter alone grows: largest entries of ``X W_Q*`` 0.3, of ``X W_K``
    1, of ``X (alpha/r) B_Q A_Q`` 0.3 times ``growth``. All else is drawn alike for every growth.

    Raises:
        InvalidInputError: growth is negative.
    """
    if growth < 0:
        raise InvalidInputError(f"growth={growth}; allowed: 0 or more.")
    draw = Draws(seed)
    x = draw.normal(length, width)

    def scaled(product: Tensor, largest: float) -> float:
        return float(largest / (x @ product).abs().max())

    query, key, B, A = (
        draw.normal(*shape)
        for shape in ((width, width), (width, width), (width, rank), (rank, width))
    )
    scale = alpha / rank
    adapter = scaled(scale * B @ A, 0.3) * growth * B
    head = Head(
        AdaptedWeight(scaled(query, 0.3) * query, adapter, A, scale),
        AdaptedWeight(scaled(key, 1.0) * key),
        AdaptedWeight(0.5 * draw.normal(width, width)),
        beta=1 / width,
    )
    return Problem(x, draw.normal(length, width), head)
