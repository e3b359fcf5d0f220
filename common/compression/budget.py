"""How small a model is to be."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import InvalidInputError

KINDS = ("parameters", "macs", "bytes")


@dataclass(frozen=True)
class Budget:
    """What may be left of the dense model, as a part of it in (0, 1]; exactly one of the three.

    Attributes:
        parameters: of the number of parameters.
        macs: of the multiply-adds of one forward pass.
        bytes: of what the state dict takes.
    """

    parameters: float | None = None
    macs: float | None = None
    bytes: float | None = None

    def __post_init__(self) -> None:
        given = {kind: getattr(self, kind) for kind in KINDS if getattr(self, kind) is not None}
        if len(given) != 1:
            raise InvalidInputError(
                f"A budget has exactly one of {', '.join(KINDS)}; given: {given or 'none'}."
            )
        (part,) = given.values()
        if not 0 < part <= 1:
            raise InvalidInputError(f"budget={part}; allowed: above 0, at most 1, of the model.")

    @property
    def kind(self) -> str:
        """Which of the three."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def part(self) -> float:
        """Of the dense model."""
        return getattr(self, self.kind)
