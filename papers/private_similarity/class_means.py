"""Classification by average similarity (section 11 of the paper): one noisy sum a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.mechanisms import NoiseMechanism

Rule = Literal["average", "nearest_mean"]
Sizes = Literal["public", "noisy"]
SIZES_PART = 0.1  # of the budget, where class sizes are private


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
        label with it, two sums change, which the mechanism's doubled sensitivity covers.

        Args:
            classes: labels are 0 to classes - 1.
            bound: of a row's norm, l1 or l2 as the mechanism has it; longer rows are cut. None: 1
                in the l2 norm, sqrt(d) in l1, that of any row of l2 norm 1.
            sizes: of the classes are ``public``, or ``noisy`` for a tenth of the budget.

        Raises:
            InvalidInputError: labels that are none, or a bound that is not above 0.
        """
        if len(x) != len(y) or not len(x):
            raise InvalidInputError(f"{len(x)} rows and {len(y)} labels; wanted: as many, not 0.")
        if int(y.min()) < 0 or int(y.max()) >= classes:
            raise InvalidInputError(
                f"labels {int(y.min())} to {int(y.max())}; allowed: 0 to {classes - 1}."
            )
        if sizes not in ("public", "noisy"):
            raise InvalidInputError(f"sizes={sizes!r}; allowed: 'public' or 'noisy'.")
        limit = (1.0 if mechanism.norm == 2 else x.shape[1] ** 0.5) if bound is None else bound
        if not limit > 0:
            raise InvalidInputError(f"bound={bound}; allowed: above 0.")
        norms = torch.linalg.vector_norm(x, mechanism.norm, dim=1)
        members = torch.nn.functional.one_hot(y, classes).to(x)
        members *= (limit / norms.clamp_min(limit))[:, None]
        counts = torch.bincount(y, minlength=classes).double()
        for_sums = mechanism
        if sizes == "noisy":
            counts = mechanism.share(SIZES_PART).release(counts, 1.0)
            for_sums = mechanism.share(1 - SIZES_PART)
        sums = for_sums.release(members.mT @ x, limit)
        return cls(sums / counts.clamp_min(1)[:, None])

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
