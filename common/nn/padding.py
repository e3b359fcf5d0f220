"""Ragged batches: sequences of different length in one array, padded on the right or on the left.

Inside a layer every sequence starts at step 0 and is zero beyond its end, so that no direction sees
the padding; outputs at padded steps are zero.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from common.errors import InvalidInputError

SIDES = ("right", "left")
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def step_mask(
    lengths: Int[Tensor, " batch"], total: int, side: str = "right"
) -> Bool[Tensor, "batch length"]:
    """True at the steps that belong to a sequence."""
    steps = torch.arange(total, device=lengths.device)
    return steps < lengths[:, None] if side == "right" else steps >= total - lengths[:, None]


def enter(
    u: Float[Tensor, "batch length width"],
    lengths: Int[Tensor, " batch"] | None,
    side: str,
    least: int = 1,
) -> Float[Tensor, "batch length width"]:
    """Padded on the right with zeros, whatever the padding was.

    ``least`` 0 lets a sequence be over before this piece begins.

    Raises:
        InvalidInputError: the side is unknown, or a length does not fit the array.
    """
    if side not in SIDES:
        raise InvalidInputError(f"padding={side!r}; allowed: {', '.join(SIDES)}.")
    if lengths is None:
        return u
    check_lengths(lengths, u, least)
    return _masked(_moved(u, lengths, -1) if side == "left" else u, lengths)


def leave(
    y: Float[Tensor, "batch length width"], lengths: Int[Tensor, " batch"] | None, side: str
) -> Float[Tensor, "batch length width"]:
    """Undo :func:`enter`: the sequences where they were, zero at the padded steps."""
    if lengths is None:
        return y
    y = _masked(y, lengths)
    return _moved(y, lengths, 1) if side == "left" else y


def at_the_end(
    u: Float[Tensor, "batch length width"], lengths: Int[Tensor, " batch"] | None
) -> Float[Tensor, "batch length width"]:
    """Right-padded sequences moved so that each ends at the last step."""
    return u if lengths is None else _moved(u, lengths, 1)


def check_lengths(lengths: Tensor, u: Tensor, least: int = 1) -> None:
    """Raises InvalidInputError unless there is one length in ``least``..L for each sequence."""
    if not isinstance(lengths, Tensor):
        raise InvalidInputError(f"lengths are a {type(lengths).__name__}; needed is a tensor.")
    if lengths.shape != u.shape[:1] or lengths.dtype not in _INTEGERS:
        raise InvalidInputError(
            f"lengths have shape {tuple(lengths.shape)} and dtype {lengths.dtype}; needed is one "
            f"integer for each of {u.shape[0]} sequences."
        )
    # Values are not looked at while compiling: that would break the graph.
    if not torch.compiler.is_compiling() and bool(
        ((lengths < least) | (lengths > u.shape[1])).any()
    ):
        raise InvalidInputError(
            f"lengths run from {int(lengths.min())} to {int(lengths.max())}; allowed: {least} to "
            f"{u.shape[1]}, the width of the array."
        )


def _masked(x: Tensor, lengths: Tensor) -> Tensor:
    mask = step_mask(lengths, x.shape[1])[..., None]
    return torch.where(mask, x, torch.zeros((), dtype=x.dtype, device=x.device))


def _moved(x: Tensor, lengths: Tensor, direction: int) -> Tensor:
    """Rolled by the number of padded steps, later (1) or earlier (-1)."""
    total = x.shape[1]
    shift = direction * (total - lengths[:, None])
    index = (torch.arange(total, device=x.device) - shift) % total
    return x.gather(1, index[..., None].expand(x.shape))
