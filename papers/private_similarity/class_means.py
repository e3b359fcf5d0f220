"""Classification by average similarity (section 11 of the paper): one noisy sum a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import finite_positive, rows
from papers.private_similarity.sizes import Sizes, with_sizes

Rule = Literal["average", "nearest_mean"]
BLOCK = 256  # rows that are widened at a time, and stay in a processor's cache


@dataclass(frozen=True)
class ClassMeans:
    """Means of the classes' vectors, with noise.

    For vectors of norm 1 the average squared distance of y to a class is 2 - 2 <y, m_c>.

    Attributes:
        means: m_c.
    """

    means: Float[Tensor, "classes d"]

    @classmethod
    def release(
        cls,
        x: Float[Tensor, "n d"],
        y: Int[Tensor, " n"],
        classes: int,
        mechanism: NoiseMechanism,
        *,
        bound: float | None = None,
        sizes: Sizes = "public",
    ) -> ClassMeans:
        """All classes at once, each with the whole budget: a record is in one of them.

        That is so where neighbours have one record more or less. Where a record is replaced, its
        label with it, two sums change, which the mechanism's doubled sensitivity covers. Rows are
        cut and added up in float64: in float32 the sum of many moves by more than the bound.

        Args:
            x: float32 or float64.
            classes: labels are 0 to classes - 1.
            bound: of a row's norm, l1 or l2 as the mechanism has it; longer rows are cut. None: 1
                in the l2 norm, sqrt(d) in l1, that of any row of l2 norm 1.
            sizes: of the classes are ``public``, or ``noisy`` for a tenth of the budget.

        Raises:
            InvalidInputError: rows that are not finite floats, labels that are none, or a bound
                that is not above 0.
        """
        if len(x) != len(y) or not len(x):
            raise InvalidInputError(f"{len(x)} rows and {len(y)} labels; wanted: as many, not 0.")
        points = rows(x, "x")
        if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
            raise InvalidInputError(f"labels of {y.dtype}; allowed: whole numbers.")
        if int(y.min()) < 0 or int(y.max()) >= classes:
            raise InvalidInputError(
                f"labels {int(y.min())} to {int(y.max())}; allowed: 0 to {classes - 1}."
            )
        limit = (1.0 if mechanism.norm == 2 else x.shape[1] ** 0.5) if bound is None else bound
        finite_positive(limit, "bound")
        counts = torch.bincount(y, minlength=classes).double()
        for_sums, counts = with_sizes(mechanism, counts, sizes)
        totals = _class_totals(points, y, classes, limit, mechanism.norm)
        sums = for_sums.release(totals, limit)
        return cls(sums / counts[:, None])

    def scores(self, y: Float[Tensor, "q d"], rule: Rule = "average") -> Float[Tensor, "q classes"]:
        """The larger, the more alike.

        Args:
            rule: ``average``, <y, m_c>; or ``nearest_mean``, less ||m_c||^2 / 2, which is no more
                than arithmetic on what is released (beyond the paper).
        """
        if rule not in ("average", "nearest_mean"):
            raise InvalidInputError(f"rule={rule!r}; allowed: 'average' or 'nearest_mean'.")
        means = self.means.to(y)
        found = y @ means.mT
        return found if rule == "average" else found - means.square().sum(1) / 2


def _class_totals(
    x: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int, limit: float, norm: int
) -> Float[Tensor, "classes d"]:
    """Sums over classes of rows cut to a norm, in float64."""
    totals = torch.zeros(classes, x.shape[1], dtype=torch.float64, device=x.device)
    members = torch.nn.functional.one_hot(y, classes).double()
    wide = totals.new_empty(min(BLOCK, len(x)), x.shape[1])
    for part, weights in zip(x.split(BLOCK), members.split(BLOCK), strict=True):
        block = wide[: len(part)].copy_(part)
        norms = torch.linalg.vector_norm(block, norm, dim=1)
        weights *= (limit / norms.clamp_min(limit))[:, None]
        totals.addmm_(weights.mT, block)
    return totals
