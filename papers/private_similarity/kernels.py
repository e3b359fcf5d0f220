"""Average Gaussian and exponential kernels to private points, by random features, with a reduction
of the dimension before them (section 7 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.arrays import Array, like
from common.sketching.random_features import FEATURES, RandomFeatures
from common.sketching.sketches import KINDS, DenseSketch, Sketch
from papers.private_similarity.mechanisms import NoiseMechanism
from papers.private_similarity.models import finite_positive, rows
from papers.private_similarity.sizes import Sizes, with_sizes

Kernel = Literal["gaussian", "exponential", "laplacian"]
Reduction = Literal["gaussian", "very_sparse", "hadamard"]
BLOCK_BYTES = 64 * 2**20
COPIES = 2  # of a block of pairs are alive at once
CACHE_BYTES = 2 * 2**20


@dataclass(frozen=True)
class FeatureMap:
    """x -> z(G x); drawn once, the same for points and queries.

    Attributes:
        features: of the kernel, frequencies over the bandwidth.
        reduction: G, or None.
        dimensions: d of what it takes.
    """

    features: RandomFeatures
    reduction: Sketch | None
    dimensions: int

    @classmethod
    def draw(
        cls,
        dimensions: int,
        features: int,
        *,
        kernel: Kernel = "gaussian",
        bandwidth: float = 1.0,
        projected: int | None = None,
        reduction: Reduction = "gaussian",
        paired: bool = True,
        seed: int | list[int] = 0,
    ) -> FeatureMap:
        """Neither depends on the points.

        Args:
            dimensions: d.
            features: I; of pairs as many cosines and sines each.
            kernel: ``gaussian`` exp(-||x - y||_2^2), ``exponential`` exp(-||x - y||_2) or
                ``laplacian`` exp(-||x - y||_1), of points over the bandwidth.
            projected: k, of the order of 1 / alpha^2, free of n and d; None for none.
            reduction: entries N(0, 1 / k), very sparse ones, or a subsampled Hadamard transform. It
                keeps l2 distances only.
        """
        if kernel not in FEATURES:
            raise InvalidInputError(
                f"kernel={kernel!r}; allowed: {', '.join(map(repr, FEATURES))}."
            )
        finite_positive(bandwidth, "bandwidth")
        rng = own_stream(seed)
        sketch = None
        if projected is not None:
            if kernel == "laplacian":
                raise InvalidInputError(
                    f"projected={projected} with kernel='laplacian': a projection keeps l2 "
                    "distances, not l1. Leave it out."
                )
            if reduction == "count" or reduction not in KINDS:
                raise InvalidInputError(
                    f"reduction={reduction!r}; allowed: 'gaussian', 'very_sparse' or 'hadamard'."
                )
            sketch = KINDS[reduction](projected, dimensions, rng)
        size = dimensions if projected is None else projected
        drawn = FEATURES[kernel](features, size, rng, paired=paired)
        scaled = RandomFeatures(drawn.frequencies / bandwidth, drawn.phases)
        return cls(scaled, sketch, dimensions)

    def apply(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n features"]:
        """z of rows, in their type.

        Raises:
            InvalidInputError: of another width.
        """
        if x.shape[1] != self.dimensions:
            raise InvalidInputError(
                f"{x.shape[1]} coordinates; the feature map takes {self.dimensions}."
            )
        features, reduction = self._typed(x.dtype, x.device)
        return features.apply(x if reduction is None else reduction.apply(x.mT).mT)

    def _typed(
        self, dtype: torch.dtype, device: torch.device
    ) -> tuple[RandomFeatures, Sketch | None]:
        """Both in a type, converted once and not by every query."""
        if (dtype, device) not in self._kept:
            frequencies, phases = self.features.frequencies, self.features.phases
            features = RandomFeatures(
                frequencies.to(device, dtype), None if phases is None else phases.to(device, dtype)
            )
            reduction = self.reduction
            if isinstance(reduction, DenseSketch):
                reduction = DenseSketch(reduction.matrix.to(device, dtype))
            self._kept[dtype, device] = features, reduction
        return self._kept[dtype, device]

    @cached_property
    def _kept(self) -> dict[Any, tuple[RandomFeatures, Sketch | None]]:
        return {}

    def total(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " features"]:
        """Of z over rows, float64: blocks that a cache holds are summed in the type of x, and added
        in float64."""
        block = max(1, CACHE_BYTES // (x.element_size() * self.features.features))
        return sum(self.apply(part).sum(0).double() for part in x.split(block))


@dataclass(frozen=True)
class KernelSums:
    """(1 / n) sum_i k(x_i, y) for any y; the noise is drawn at the release.

    Attributes:
        map: of points and queries.
        mean: of the points' features, with noise.
    """

    map: FeatureMap
    mean: Float[Tensor, " features"]

    @classmethod
    def release(
        cls,
        x: Array,
        mechanism: NoiseMechanism,
        feature_map: FeatureMap,
        *,
        sizes: Sizes = "public",
    ) -> KernelSums:
        """The sum of the features with noise, over n.

        One record changes the sum by sqrt(2 I) in the l1 norm; in the l2 norm by 1, or sqrt(2) of
        features with a phase. n is what it is divided by only.

        Args:
            x: (n, d), float32 or float64; features are computed in that type, and their last bits
                are not accounted for.
            sizes: n is ``public``, or ``noisy`` for a tenth of the budget.
        """
        points = rows(x, "x")
        size = torch.tensor(float(len(points)), dtype=torch.float64, device=points.device)
        for_sums, size = with_sizes(mechanism, size, sizes)
        norms = feature_map.features.largest_norms
        total = for_sums.release(feature_map.total(points), norms[mechanism.norm - 1])
        return cls(feature_map, total / size)

    def query(self, y: Array, clip: bool = False) -> Array:
        """Of each query the average, in the type of y.

        Args:
            clip: to [0, 1], which is free.
        """
        asked = rows(y, "y")
        found = self.map.apply(asked) @ self.mean.to(asked)
        return like(found.clamp(0, 1) if clip else found, y)


def own_stream(seed: int | list[int]) -> np.random.Generator:
    """A generator for maps: points may have been drawn from the same seed, and a projection by rows
    that are points is none."""
    return np.random.default_rng([20_240, *([seed] if isinstance(seed, Integral) else seed)])


def exact_average(
    x: Float[Tensor, "n d"], y: Float[Tensor, "q d"], kernel: str, bandwidth: float = 1.0
) -> Float[Tensor, " q"]:
    """(1 / n) sum_i k(x_i, y) pair by pair, in blocks that take 64 MiB with what is computed of
    them.

    Args:
        kernel: see ``FeatureMap.draw``; also ``inverse`` 1 / (1 + ||x - y||_2) and
            ``inverse_square`` 1 / (1 + ||x - y||_2^2).
    """
    block = max(1, BLOCK_BYTES // (COPIES * x.element_size() * len(y)))
    total = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    for part in x.split(block):
        if kernel in ("laplacian", "exponential", "inverse"):
            z = torch.cdist(y, part, p=1 if kernel == "laplacian" else 2).div_(bandwidth)
        else:
            z = squared_distances(y, part).div_(bandwidth**2)
        values = z.add_(1).reciprocal_() if kernel.startswith("inverse") else z.neg_().exp_()
        total += values.sum(1, dtype=torch.float64)
    return total / len(x)


def squared_distances(y: Float[Tensor, "q d"], x: Float[Tensor, "n d"]) -> Float[Tensor, "q n"]:
    """By one matrix product."""
    found = torch.addmm(x.square().sum(1), y, x.mT, alpha=-2)
    return found.add_(y.square().sum(1, keepdim=True)).clamp_(min=0)
