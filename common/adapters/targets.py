"""Layers that cannot be adapted alone."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from common.compression import layers
from common.errors import InvalidInputError


def refuse_tied(model: nn.Module, names: Iterable[str]) -> None:
    """Raise where one of these layers shares its weight with another part of the model.

    A change of one would, once merged, be a change of both.
    """
    tied = layers.tied(model)
    for name in names:
        if name in tied:
            raise InvalidInputError(
                f"{name} shares its weight with {', '.join(tied[name])}: a change merged into one "
                f"would change both. Leave it out of the targets, or give it a weight of its own."
            )
