"""The Lorentz model of hyperbolic space, curvature -1: points x of R^{d+1} with <x, x>_L = -1 and
x_0 > 0, where <x, y>_L = -x_0 y_0 + sum of x_j y_j."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-8  # of squared lengths that are divided by


def inner(
    x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"], *, keepdim: bool = False
) -> Float[Tensor, "..."]:
    """<x, y>_L along the last axis."""
    product = x * y
    return product[..., 1:].sum(-1, keepdim=keepdim) - _time(product, keepdim)


def pairwise_inner(
    x: Float[Tensor, "*b n d"], y: Float[Tensor, "*b m d"]
) -> Float[Tensor, "*b n m"]:
    """<x_i, y_j>_L of all pairs."""
    return torch.cat([-x[..., :1], x[..., 1:]], -1) @ y.transpose(-1, -2)


def expmap0(z: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
    """(cosh |z|, sinh |z| z / |z|), one coordinate more than z: the tangent space at the origin
    has a time coordinate of 0.

    Coordinates of the size of 1 / sqrt(eps), from which |z| = 8 on in float32 and 18 in float64,
    are no longer on the manifold for rounding: the point stays at that distance.
    """
    norm = z.square().sum(-1, keepdim=True).clamp_min(SMALLEST**2).sqrt()
    near = norm.clamp_max(-math.log(torch.finfo(z.dtype).eps) / 2)
    return torch.cat([near.cosh(), near.sinh() * z / norm], -1)


def logmap0(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
    """The inverse of :func:`expmap0`; by asinh of the space part, which keeps digits near 0."""
    space = x[..., 1:]
    norm = space.square().sum(-1, keepdim=True).clamp_min(SMALLEST**2).sqrt()
    return torch.asinh(norm) * space / norm


def distance(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """arccosh(-<x, y>_L); its gradient at x = y, which is infinite, is cut off."""
    return torch.acosh((-inner(x, y)).clamp_min(1 + 4 * torch.finfo(x.dtype).eps))


def squared_distance(x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*b"]:
    """-2 - 2 <x, y>_L, the squared Lorentz distance; no triangle inequality, but a gradient
    everywhere."""
    return -2 - 2 * inner(x, y)


def to_manifold(space: Float[Tensor, "*b d"], time: Float[Tensor, "*b 1"]) -> Tensor:
    """(time, space), with ``space`` scaled to the length sqrt(time^2 - 1).

    A ``space`` without a direction, as it comes of inputs that an activation has all set to 0, can
    have no such length; its point is the one that its own length gives, near the origin.
    """
    squared = space.square().sum(-1, keepdim=True)
    scaled = space * ((time * time - 1) / squared.clamp_min(SMALLEST)).sqrt()
    near = project(scaled)[..., :1]
    return torch.cat([torch.where(squared < SMALLEST, near, time), scaled], -1)


def project(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """The point with the same space part."""
    space = x[..., 1:]
    return torch.cat([(1 + space.square().sum(-1, keepdim=True)).sqrt(), space], -1)


def normalised(x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """x / sqrt(|<x, x>_L|): of a sum of points with positive weights, their Lorentz centroid."""
    return x / inner(x, x, keepdim=True).abs().clamp_min(SMALLEST).sqrt()


def centroid(
    points: Float[Tensor, "*b m d"], weights: Float[Tensor, "*b n m"] | Tensor
) -> Float[Tensor, "*b n d"]:
    """Of the points with the weights of each row, dense or sparse."""
    return normalised(weights @ points)


def tangent(x: Float[Tensor, "*b d"], v: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """v + <x, v>_L x, orthogonal to x."""
    return v + inner(x, v, keepdim=True) * x


def riemannian(x: Float[Tensor, "*b d"], grad: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """The gradient on the manifold from the one in R^{d+1}."""
    raised = torch.cat([-grad[..., :1], grad[..., 1:]], -1)
    return tangent(x, raised)


def expmap(x: Float[Tensor, "*b d"], v: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Along the geodesic from x in the direction v, tangent at x, for its length; back on the
    manifold, from which rounding would lead."""
    length = inner(v, v, keepdim=True).clamp_min(SMALLEST**2).sqrt()
    return project(length.cosh() * x + length.sinh() * v / length)


def transport(
    x: Float[Tensor, "*b d"], y: Float[Tensor, "*b d"], v: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b d"]:
    """Parallel transport of v, tangent at x, along the geodesic to y."""
    along = inner(y, v, keepdim=True) / (1 - inner(x, y, keepdim=True))
    return v + along * (x + y)


def _time(product: Tensor, keepdim: bool) -> Tensor:
    return product[..., :1] if keepdim else product[..., 0]
