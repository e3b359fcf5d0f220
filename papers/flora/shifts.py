"""Exact shifts of images, labels kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

Images = UInt8[Tensor, "n c h w"]


def none(images: Images) -> Images:
    """As they are."""
    return images


def inverted(images: Images) -> Images:
    """x -> 255 - x, before normalisation."""
    return 255 - images


def rot90(images: Images) -> Images:
    """A quarter turn counter-clockwise."""
    return torch.rot90(images, 1, (2, 3))


def blur(images: Images) -> Images:
    """Means over 5 x 5 pixels, the border reflected; rounded to bytes."""
    padded = F.pad(images.float(), (2, 2, 2, 2), mode="reflect")
    return F.avg_pool2d(padded, 5, stride=1).round().to(torch.uint8)


SHIFTS: dict[str, Callable[[Images], Images]] = {
    "none": none,
    "inverted": inverted,
    "rot90": rot90,
    "blur": blur,
}
