"""How far a sample is from what it stands for: eps = sup_x |R(x) - 1|, R(x) = ||S A x||_p^p /
||A x||_p^p. Of p-th powers; of norms it would be about p times smaller."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import as_tensor
from common.sketching.lewis import lewis_weights
from common.sketching.row_space import range_basis
from papers.sensitivity_sampling.ascent import Ratio, extremes
from papers.sensitivity_sampling.rays import every_ray, polished, ratios
from papers.sensitivity_sampling.sensitivities import check_power, minimum

Array = np.ndarray | Tensor

_LARGEST = 6  # starts of each kind
_ANGLES = 10_000
_CELLS = 5
_SMOOTHING = 1e-2


@dataclass(frozen=True)
class Distortion:
    """Of one sample.

    Attributes:
        above: sup R - 1.
        below: 1 - inf R; 1 where the sample's rank is less than A's, as R is 0 up to rounding at
            an x that no kept row sees.
        kind: "exact"; "grid", of angles, refined, for d = 2; or "lower bound", the largest that
            ascents found.
    """

    above: float
    below: float
    kind: Literal["exact", "grid", "lower bound"]

    @property
    def value(self) -> float:
        """eps."""
        return max(self.above, self.below)


@dataclass(frozen=True)
class Original:
    """A matrix that samples of it are compared with; what all samples share is computed once.

    Attributes:
        basis: Q, orthonormal, of A's range.
        p: of the norm.
        seed: of the starts.
    """

    basis: Float[Tensor, "n d"]
    p: float
    seed: int = 0

    @classmethod
    def of(cls, matrix: Float[Array, "n d"], p: float, seed: int = 0) -> Original:
        """Of an array or a tensor.

        Raises:
            InvalidInputError: it is zero or not finite floats, or p is below 1.
        """
        check_power(p)
        return cls(range_basis(as_tensor(matrix, "matrix").double()), p, seed)

    def distortion(self, weights: Float[Tensor, " n"]) -> Distortion:
        """Of a sample with these weights b, 0 for rows that were dropped.

        Exact for p = 2 by eigenvalues, for p = 1 and d up to 3 by all rays; by angles for d = 2;
        else a lower bound by ascents.
        """
        weights = weights.to(self.basis)
        self._check(weights)
        d = self.basis.shape[1]
        kept = weights.nonzero()[:, 0]
        if not len(kept):
            return Distortion(-1.0, 1.0, "exact")
        if self.p == 2 or d == 1:
            low, high = self._by_eigenvalues(weights) if d > 1 else self._single(weights)
            kind = "exact"
        elif self.p == 1 and d <= 3:
            found = ratios(self.basis, weights, self._rays)
            low, high, kind = float(found.min()), float(found.max()), "exact"
        elif d == 2:
            (low, high), kind = self._by_angles(weights), "grid"
        else:
            (low, high), kind = self._by_ascent(weights), "lower bound"
        if int(torch.linalg.matrix_rank(self.basis[kept])) < d:
            low = min(low, self._unseen(weights))
        return Distortion(high - 1, 1 - low, kind)

    def _check(self, weights: Tensor) -> None:
        if weights.shape != self.basis[:, 0].shape:
            raise InvalidInputError(
                f"weights of shape {tuple(weights.shape)}; wanted: ({len(self.basis)},), one for "
                f"each row of the matrix."
            )
        if not bool(weights.isfinite().all()) or float(weights.min()) < 0:
            raise InvalidInputError("weights are negative or not finite; allowed: 0 or more.")

    def _unseen(self, weights: Tensor) -> float:
        """R at the x that the kept rows see least; 0 if it is no more than their rounding."""
        kept = weights.nonzero()[:, 0]
        _, _, right = torch.linalg.svd(self.basis[kept], full_matrices=True)
        found = float(Ratio(self.basis, kept, weights[kept], self.p).at(right[-1:])[0])
        d = self.basis.shape[1]
        rounding = d * torch.finfo(self.basis.dtype).eps * float(weights.sum())
        return 0.0 if found <= rounding else found

    def _single(self, weights: Tensor) -> tuple[float, float]:
        sizes = self.basis[:, 0].abs() ** self.p
        found = float(weights @ sizes / sizes.sum())
        return found, found

    def _by_eigenvalues(self, weights: Tensor) -> tuple[float, float]:
        values = torch.linalg.eigvalsh(self.basis.mT @ (weights[:, None] * self.basis))
        return float(values[0]), float(values[-1])

    @cached_property
    def _rays(self) -> Float[Tensor, "rays d"]:
        return every_ray(self.basis)

    def _by_angles(self, weights: Tensor) -> tuple[float, float]:
        from scipy.optimize import minimize_scalar

        ratio = self._ratio(weights)
        step = torch.pi / _ANGLES

        def at(angles: Tensor) -> Tensor:
            x = torch.stack([angles.cos(), angles.sin()], 1)
            return torch.cat([ratio.at(block) for block in x.split(1000)])

        grid = torch.arange(_ANGLES, dtype=torch.float64, device=self.basis.device) * step
        values = at(grid)
        ends = []
        for sign in (1.0, -1.0):
            best = float((sign * values).min())
            for place in (sign * values).topk(_CELLS, largest=False).indices:
                middle = float(grid[place])
                found = minimize_scalar(
                    lambda angle, sign=sign: sign * float(at(grid.new_tensor([angle]))[0]),
                    bounds=(middle - step, middle + step),
                    method="bounded",
                    options={"xatol": 1e-12},
                )
                best = min(best, float(found.fun))
            ends.append(sign * best)
        return ends[0], ends[1]

    def _by_ascent(self, weights: Tensor) -> tuple[float, float]:
        starts = self._starts(weights)
        up = torch.arange(2 * len(starts), device=starts.device) < len(starts)
        ratio = self._ratio(weights)
        ends = extremes(ratio, torch.cat([starts, starts]), up)
        found = ratio.at(ends)
        low, high = float(found[~up].min()), float(found[up].max())
        if self.p == 1:
            for place in found[up].topk(3).indices:
                high = max(high, polished(self.basis, weights, ends[up][place], True))
            for place in found[~up].topk(3, largest=False).indices:
                low = min(low, polished(self.basis, weights, ends[~up][place], False))
        return low, high

    def _ratio(self, weights: Tensor) -> Ratio:
        kept = weights.nonzero()[:, 0]
        return Ratio(self.basis, kept, weights[kept], self.p, _SMOOTHING if self.p == 1 else 0.0)

    def _starts(self, weights: Tensor) -> Float[Tensor, "starts d"]:
        """Extreme eigenvectors, rows of the largest weights, points of the largest sensitivities,
        and normal ones."""
        vectors = torch.linalg.eigh(self.basis.mT @ (weights[:, None] * self.basis)).eigenvectors
        heavy = weights.topk(min(_LARGEST, len(weights))).indices
        starts = [vectors[:, [0, -1]].mT, self.basis[heavy], self._shared]
        found = torch.cat(starts)
        return found[found.norm(dim=1) > 0]

    @cached_property
    def _shared(self) -> Float[Tensor, "starts d"]:
        # Of the rows with the largest Lewis weights, between which and sensitivities is a factor
        # of a power of d.
        lewis = lewis_weights(self.basis, self.p)
        top = lewis.topk(min(_LARGEST, len(lewis))).indices
        points, _, _ = minimum(self.basis, self.basis[top], self.p)
        normal = np.random.default_rng(self.seed).standard_normal((_LARGEST, self.basis.shape[1]))
        return torch.cat([points, torch.from_numpy(normal).to(self.basis)])


def distortion(
    matrix: Float[Array, "n d"], weights: Float[Array, " n"], p: float, *, seed: int = 0
) -> Distortion:
    """eps of a sample of a matrix's rows; see ``Original.distortion``.

    Args:
        matrix: A, float32 or float64.
        weights: b, 1 / q of the rows that were kept and 0 of the others.
        p: 1 or more.
        seed: of the starts of ascents.

    Raises:
        InvalidInputError: A or the weights are none of these.
    """
    return Original.of(matrix, p, seed).distortion(torch.as_tensor(weights))
