"""Sign-RIP: what the sub-differential sees of an error X, in the mean and at most.

Q_X = sym((1/m) sum_i sign(<A_i, X> - s_i) A_i) is near phi(X) X / ||X||_F. The means are of
E[sign(a g - s) g] = sqrt(2 / pi) exp(-s^2 / (2 a^2)), g ~ N(0, 1), a = ||X||_F.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from common.recovery.sensing import Sensing
from papers.subgm.problem import Noise

NOISELESS = math.sqrt(2 / math.pi)


def phi(norm: float, noise: Noise) -> float:
    """phi(X) at ||X||_F, of normal outliers and normal noise; above 0 for every fraction below 1.

    Both at once: the outliers' variance is then o^2 + nu^2.
    """

    def seen(variance: float) -> float:
        return norm / math.sqrt(norm**2 + variance) if norm else float(variance == 0)

    clean = seen(noise.deviation**2)
    hit = seen(noise.deviation**2 + noise.size**2)
    return NOISELESS * ((1 - noise.fraction) * clean + noise.fraction * hit)


def direction(
    x: Float[Tensor, "d d"], sensing: Sensing, noise: Float[Tensor, " m"]
) -> Float[Tensor, "d d"]:
    """Q_X."""
    signs = (sensing.apply(x[None]) - noise).sign()
    mean = sensing.adjoint(signs)[0] / len(noise)
    return 0.5 * (mean + mean.mT)


def delta(x: Float[Tensor, "d d"], q: Float[Tensor, "d d"], scale: float, rank: int) -> float:
    """The least delta with |<Q_X - phi X / ||X||, Y / ||Y||>| <= phi delta for Y of a rank: the
    Frobenius norm of the largest singular values of the difference, over phi."""
    left = q - scale * x / torch.linalg.matrix_norm(x)
    values = torch.linalg.svdvals(left)[:rank]
    return float(values.norm()) / scale
