"""The Poincare ball, curvature -1: points of length below 1."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-15
EDGE = 4e-3  # points keep this distance from the edge, where float32 has no digits left


def project(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Back into the ball."""
    norm = x.norm(dim=-1, keepdim=True).clamp_min(SMALLEST)
    return torch.where(norm > 1 - EDGE, x / norm * (1 - EDGE), x)


def expmap0(z: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """tanh |z| z / |z|, inside the ball."""
    norm = z.norm(dim=-1, keepdim=True).clamp_min(SMALLEST)
    return project(norm.tanh() * z / norm)


def logmap0(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """artanh |x| x / |x|."""
    norm = x.norm(dim=-1, keepdim=True).clamp_min(SMALLEST)
    return torch.atanh(norm.clamp_max(1 - EDGE / 2)) * x / norm


def moebius_add(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """x (+) y, inside the ball."""
    xx, yy = x.square().sum(-1, keepdim=True), y.square().sum(-1, keepdim=True)
    xy = (x * y).sum(-1, keepdim=True)
    above = (1 + 2 * xy + yy) * x + (1 - xx) * y
    return project(above / (1 + 2 * xy + xx * yy).clamp_min(SMALLEST))


def squared_distance(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """(2 artanh |-x (+) y|)^2."""
    norm = moebius_add(-x, y).norm(dim=-1).clamp_min(SMALLEST)
    return (2 * torch.atanh(norm.clamp_max(1 - EDGE / 2))) ** 2
