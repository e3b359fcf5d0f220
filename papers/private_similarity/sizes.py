"""Numbers of records: known to all, or released with noise of their own."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from papers.private_similarity.mechanisms import NoiseMechanism

Sizes = Literal["public", "noisy"]
SIZES_PART = 0.1  # of the budget, where they are private


def with_sizes(
    mechanism: NoiseMechanism, counts: Float[Tensor, "*s"], sizes: Sizes
) -> tuple[NoiseMechanism, Float[Tensor, "*s"]]:
    """What is left of a budget, and numbers to divide by, 1 at least.

    Args:
        counts: a record is in one of them.
        sizes: ``public``, or ``noisy`` for a tenth of the budget.
    """
    if sizes not in ("public", "noisy"):
        raise InvalidInputError(f"sizes={sizes!r}; allowed: 'public' or 'noisy'.")
    if sizes == "public":
        return mechanism, counts.clamp_min(1)
    noisy = mechanism.share(SIZES_PART).release(counts, 1.0)
    return mechanism.share(1 - SIZES_PART), noisy.clamp_min(1)
