"""Other ways to complete a matrix, on the same entries and the same clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from papers.altmin_completion.observed import Observed


def projected_gradient(
    observed: Observed,
    rank: int,
    rounds: int,
    *,
    step: float | None = None,
    width: int = 15,
    passes: int = 2,
) -> Iterator[Float[Tensor, "m n"]]:
    """X <- the best of a rank of X + step P_Omega(M - X), by subspace iteration (singular value
    projection, Jain, Meka and Dhillon 2010).

    Args:
        step: None takes 1 / p, for entries known at random; at 1 the misfit rises for no mask.
    """
    step = 1 / observed.share if step is None else step
    m, n = observed.shape
    x = observed.values.new_zeros(m, n)
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(n, width, generator=generator, dtype=x.dtype).to(x)
    for _ in range(rounds):
        moved = x + step * (observed.filled - observed.mask * x)
        for _ in range(passes):
            basis = torch.linalg.qr(moved.mT @ torch.linalg.qr(moved @ basis).Q).Q
        u, s, vh = torch.linalg.svd(moved @ basis, full_matrices=False)
        x = (u[:, :rank] * s[:rank]) @ (vh[:rank] @ basis.mT)
        yield x


def soft_impute(
    observed: Observed, rounds: int, *, first: float = 0.3, shrink: float = 0.7
) -> Iterator[Float[Tensor, "m n"]]:
    """Known entries, the rest filled in by X; singular values less a threshold that shrinks each
    round, from a part of the largest (Mazumder, Hastie and Tibshirani 2010)."""
    x = torch.zeros_like(observed.filled)
    threshold = first * float(torch.linalg.matrix_norm(observed.filled, 2))
    for _ in range(rounds):
        u, s, vh = torch.linalg.svd(observed.filled + (1 - observed.mask) * x, full_matrices=False)
        x = u * (s - threshold).clamp(min=0) @ vh
        threshold *= shrink
        yield x


def seconds_to(
    iterates: Iterator[Float[Tensor, "m n"]],
    truth: Float[Tensor, "m n"],
    bound: float,
    limit: float,
) -> tuple[float, float]:
    """Seconds until the relative error is below a bound, the error's own time not counted; the
    limit if it is not by then. And the last error."""
    spent, error = 0.0, 1.0
    norm = truth.norm()
    begun = time.perf_counter()
    for x in iterates:
        spent += time.perf_counter() - begun
        error = float((x - truth).norm() / norm)
        if error < bound:
            return spent, error
        if spent > limit:
            break
        begun = time.perf_counter()
    return limit, error
