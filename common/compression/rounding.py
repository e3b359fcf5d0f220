"""Weights in few bits by rounding to nearest: a scale a group, outliers kept apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Rounded:
    """A matrix in integer codes.

    Attributes:
        weight: what the codes stand for, in the type of the matrix.
        bits: of storage: codes, a float16 scale a group, for each outlier a float16 and its place.
    """

    weight: Float[Tensor, "m n"]
    bits: int


def round_to_nearest(
    matrix: Float[Tensor, "m n"], bits: int, *, group: int = 0, outliers: float = 0.0
) -> Rounded:
    """Symmetric rounding of each row, or of each ``group`` of neighbours in it.

    Args:
        bits: of a code, 2 to 8; values run from -(2^(bits-1) - 1) to 2^(bits-1) - 1.
        group: entries that share a scale; 0 takes the row.
        outliers: this part of the entries, the largest, stay as float16 and out of the scales.

    Raises:
        InvalidInputError: a setting is out of range or does not divide the row.
    """
    if not 0 <= outliers < 1:
        raise InvalidInputError(f"outliers={outliers}; allowed: 0 up to, not including, 1.")
    kept = round(outliers * matrix.numel())
    apart = torch.zeros(matrix.numel(), dtype=torch.bool, device=matrix.device)
    apart[matrix.abs().flatten().topk(kept).indices] = True
    apart = apart.reshape(matrix.shape)
    codes, scales = integer_codes(matrix.masked_fill(apart, 0), bits, group)
    grouped = codes.reshape(*scales.shape, -1).float()
    weight = (grouped * scales[..., None]).reshape(matrix.shape)
    weight = torch.where(apart, matrix.half().float(), weight)
    place = max(1, (matrix.numel() - 1).bit_length())
    size = matrix.numel() * bits + scales.numel() * 16 + kept * (16 + place)
    return Rounded(weight.to(matrix.dtype), size)


def integer_codes(
    matrix: Float[Tensor, "m n"], bits: int, group: int = 0
) -> tuple[Int8[Tensor, "m n"], Float[Tensor, "m groups"]]:
    """Codes and the scale of each group, which float16 holds exactly.

    Raises:
        InvalidInputError: a setting is out of range or does not divide the row.
    """
    rows, columns = matrix.shape
    group = group or columns
    if not 2 <= bits <= 8:
        raise InvalidInputError(f"bits={bits}; allowed: 2 to 8.")
    if columns % group:
        raise InvalidInputError(f"group={group} does not divide rows of {columns}.")
    most = 2 ** (bits - 1) - 1
    groups = matrix.float().reshape(rows, -1, group)
    scales = (groups.abs().amax(-1, keepdim=True) / most).half().float()
    # A scale that float16 rounds to nothing stands for a group of zeros.
    codes = torch.where(scales > 0, groups / scales, 0).round().clamp(-most, most)
    return codes.reshape(matrix.shape).to(torch.int8), scales[..., 0]
