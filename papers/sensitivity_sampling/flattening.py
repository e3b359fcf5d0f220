"""Splitting rows until no sensitivity is far above the mean (T 7.3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.sketching.rows import Sample


def flatten(scores: Float[Tensor, " n"], factor: float = 4.0) -> Sample:
    """Any row with s_i > C S / n becomes k = ceil(s_i n / (C S)) copies of a_i / k^{1/p}. ||A x||_p
    and S stay as they were, at most (1 + 1/C) n rows result, and none is above C S / n.

    Args:
        scores: s.
        factor: C, 1 or more.

    Returns:
        All rows of A, those that were split repeated, with weights 1 / k.
    """
    if not factor >= 1:
        raise InvalidInputError(f"factor={factor}; allowed: 1 or more.")
    share = scores * len(scores) / (factor * scores.sum())
    copies = share.ceil().clamp(min=1).long()
    index = torch.arange(len(scores), device=scores.device).repeat_interleave(copies)
    return Sample(index, (1 / copies.to(scores))[index])
