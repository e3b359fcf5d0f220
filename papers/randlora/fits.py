"""The best fit of RandLoRA to a given matrix, in float64: what an update of it can be at most.

The error is bilinear in lambda and gamma: either is a least-squares problem when the other is held.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from papers.randlora.bases import Bases


@dataclass
class Fit:
    """B_j, A, and the diagonals that fit best so far.

    Attributes:
        long: (D, n, r), the B_j.
        short: (n, r, d), the A_j; the same n times where it is shared.
        lam: (n, r).
        gam: (n, d).
    """

    long: Float64[Tensor, "D n r"]
    short: Float64[Tensor, "n r d"]
    lam: Float64[Tensor, "n r"]
    gam: Float64[Tensor, "n d"]

    @classmethod
    def of(cls, bases: Bases) -> Fit:
        """Every lambda 1 and every gamma 0, on these bases."""
        long = bases.left(*bases.long.shape[:2], torch.float64).view(bases.long.shape)
        _, number, rank = long.shape
        columns = bases.short.shape[2]
        short = bases.right(columns, number, torch.float64).expand(number, rank, columns)
        lam = torch.ones(number, rank, dtype=torch.float64, device=long.device)
        return cls(long, short, lam, lam.new_zeros(number, columns))

    def update(self) -> Float64[Tensor, "D d"]:
        """sum_j B_j diag(lambda_j) A_j diag(gamma_j)."""
        return torch.einsum("Djk,jk,jkd,jd->Dd", self.long, self.lam, self.short, self.gam)

    def error(self, target: Float64[Tensor, "D d"]) -> float:
        """Relative squared error."""
        return float((target - self.update()).square().sum() / target.square().sum())

    def solve_gam(self, target: Float64[Tensor, "D d"]) -> None:
        """The best gamma at this lambda: columns are problems of n unknowns of their own."""
        design = torch.einsum("Djk,jk,jkd->dDj", self.long, self.lam, self.short)
        self.gam = _least_squares(design, target.mT[:, :, None]).squeeze(2).mT

    def solve_lam(self, target: Float64[Tensor, "D d"]) -> None:
        """The best lambda at this gamma: n r unknowns, by normal equations.

        Their matrix is the elementwise product of the Gram matrices of both sides.
        """
        long = self.long.flatten(1)
        short = (self.short * self.gam[:, None, :]).flatten(0, 1)
        gram = (long.mT @ long) * (short @ short.mT)
        right = ((long.mT @ target) * short).sum(1)
        # A pseudo-inverse: a basis whose gamma is zero leaves its lambda undetermined.
        self.lam = (torch.linalg.pinv(gram, hermitian=True) @ right).view(self.lam.shape)


def best_fit(bases: Bases, target: Float64[Tensor, "D d"], rounds: int = 60) -> Fit:
    """Alternating least squares from lambda = 1; the error never rises."""
    fit = Fit.of(bases)
    fit.solve_gam(target)
    for _ in range(rounds):
        fit.solve_lam(target)
        fit.solve_gam(target)
    return fit


def low_rank_error(target: Float64[Tensor, "D d"], rank: int) -> float:
    """Relative squared error of the best matrix of this rank (Eckart-Young): LoRA's floor."""
    energy = torch.linalg.svdvals(target).square()
    return float(energy[rank:].sum() / energy.sum())


def _least_squares(design: Tensor, right: Tensor) -> Tensor:
    if design.is_cuda:
        return torch.linalg.pinv(design) @ right
    return torch.linalg.lstsq(design, right, driver="gelsy").solution
