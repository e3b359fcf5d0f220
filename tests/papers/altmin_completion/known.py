"""Matrices known in part, and the slow reference of a half round."""

from __future__ import annotations

import numpy as np
import torch

from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(rng(seed).standard_normal(shape))


def observed(m: int = 12, n: int = 9, share: float = 0.5, seed: int = 0) -> Observed:
    mask = torch.from_numpy(rng(seed).random((m, n)) < share)
    mask[0, 0] = True
    return Observed.of_mask(normal(m, n, seed=seed), mask)


def row_by_row(seen: Observed, partner: torch.Tensor, ridge: float = 0.0) -> torch.Tensor:
    """The smallest solution of each row's own problem."""
    found = torch.zeros(seen.shape[0], partner.shape[1], dtype=torch.float64)
    for row in range(seen.shape[0]):
        which = seen.rows == row
        a, b = partner[seen.columns[which]], seen.values[which]
        if ridge:
            gram = a.mT @ a + ridge * torch.eye(a.shape[1], dtype=torch.float64)
            found[row] = torch.linalg.solve(gram, a.mT @ b)
        elif len(b):
            found[row] = torch.linalg.pinv(a) @ b
    return found


SOLVERS = [
    Exact(),
    Exact("qr"),
    ConjugateGradient(3),
    ConjugateGradient(40),
    Sketched(3),
    Sketched(3, kind="count"),
    Sketched(3, kind="gaussian"),
]
