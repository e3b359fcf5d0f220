"""Sums of l2 distances by those of l1, after a random projection: the error no longer grows with
the dimension (section 6 of the paper)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, like
from common.sketching.sketches import DenseSketch, gaussian
from papers.private_similarity.annuli import Weight
from papers.private_similarity.kernels import own_stream
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import (
    Counting,
    DistanceSums,
    asked_rows,
    finite_positive,
    rows,
)

DISTORTION = math.sqrt(math.pi / 2 - 1)  # of one distance, relative, times sqrt(k)


def images(x: Float[Tensor, "n d"], projection: DenseSketch) -> Float[Tensor, "n k"]:
    """G x sqrt(pi / 2) / k with G of N(0, 1) entries: ||G x||_1 has the mean ||x||_2.

    Args:
        projection: of entries N(0, 1 / k), so that sqrt(k) is divided by once more.
    """
    size = len(projection.matrix)
    return projection.apply(x.mT).mT * math.sqrt(math.pi / (2 * size))


@dataclass(frozen=True)
class EuclideanSums:
    """sum_i ||x_i - y||_2 for any y within a ball that is known beforehand.

    Attributes:
        sums: of the images' l1 distances.
        projection: the same for points and queries.
        centre: of the ball, every coordinate.
    """

    sums: DistanceSums
    projection: DenseSketch
    centre: float

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        *,
        projected: int,
        radius: float,
        centre: float = 0.0,
        clip: float = 4.0,
        height: int = 14,
        seed: int = 0,
    ) -> EuclideanSums:
        """Project, move what lies outside the box to its border, release trees.

        A coordinate of the image of a point at the radius has a deviation of radius sqrt(pi / 2) /
        k; the box is ``clip`` times that on both sides.

        Args:
            x: (n, d).
            projected: k, of the order of log(1 / alpha) / alpha^2.
            radius: of the ball in which all points lie; not read off them.
            centre: its centre, the same number in every coordinate.
            seed: of the projection, which does not depend on the points and may be known.
        """
        points = rows(x, "x")
        finite_positive(radius, "radius")
        finite_positive(clip, "clip")
        if projected < 1:
            raise InvalidInputError(f"projected={projected}; allowed: 1 or more.")
        projection = gaussian(projected, points.shape[1], own_stream(seed))
        half = clip * radius * math.sqrt(math.pi / 2) / projected
        found = images(points.double() - centre, projection)
        sums = DistanceSums.release(found, mechanism, low=-half, high=half, height=height)
        return cls(sums, projection, centre)

    def query(
        self,
        y: Array,
        alpha: float = 0.1,
        *,
        weight: Weight = "upper",
        counts: Counting = "tree",
    ) -> Array:
        """Of each query the sum, float64; see ``DistanceSums.query``."""
        asked = asked_rows(y, self.projection.matrix.shape[1])
        found = images(asked.double() - self.centre, self.projection)
        return like(self.sums.query(found, alpha, weight=weight, counts=counts), y)

    def deviation(self, y: Array, mechanism: NoiseMechanism, alpha: float = 0.1) -> Array:
        """Of the noise in the answers, in closed form."""
        asked = asked_rows(y, self.projection.matrix.shape[1])
        found = images(asked.double() - self.centre, self.projection)
        return like(self.sums.deviation(found, mechanism, alpha), y)
