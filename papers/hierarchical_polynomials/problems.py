"""Two halves of the samples and a test set of one target, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.targets import Feature, Link, Quadratic


@dataclass(frozen=True)
class Problem:
    """Streams of samples: fewer of them are the first of more.

    Attributes:
        feature: p.
        link: g.
        size: d.
        seed: of the samples; what a network draws has a generator of its own, so that networks of
            all widths see the same samples.
        device: where they are put.
    """

    feature: Feature | Quadratic
    link: Link
    size: int
    seed: int
    device: torch.device

    def halves(self, samples: int) -> tuple[Samples, Samples]:
        """D1 and D2, half of the samples each."""
        return self._drawn(samples // 2, 0), self._drawn(samples // 2, 1)

    def test(self, samples: int) -> Samples:
        """Others."""
        return self._drawn(samples, 2)

    def _drawn(self, count: int, stream: int) -> Samples:
        rng = np.random.default_rng([self.seed, stream])
        x = torch.from_numpy(rng.standard_normal((count, self.size))).to(self.device)
        return Samples(x, self.link(self.feature(x)))


def correlation(a: Float[Tensor, " n"], b: Float[Tensor, " n"]) -> float:
    """Pearson's; 0 where one of both is constant."""
    a, b = a.detach(), b.detach().to(a)
    a, b = a - a.mean(), b - b.mean()
    lengths = a.norm() * b.norm()
    return float(a @ b / lengths) if lengths > 0 else 0.0
