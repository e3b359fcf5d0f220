"""What a specification of a data set is, and how its fields are checked.

The classes double as OmegaConf structured configs, so every field is an int, a float, a str, a
bool or an Optional of these, and nothing is imported beyond the standard library: they are read at
start-up, long before any set is loaded. The defaults are the published Long Range Arena settings in
the encoding of the state-space loaders (Tay et al., ICLR 2021, arXiv:2011.04006; Gu et al.,
state-spaces/s4), except where a class says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

from common.errors import UserError


class DataSpec(Protocol):
    """A data set: plain fields, and where it is loaded.

    Attributes:
        LOADER: module with ``load(spec, context)`` and, unless the set can always be generated,
            ``available(spec, context)``.
    """

    LOADER: ClassVar[str]

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""


def require(holds: bool, spec: object, field: str, allowed: str) -> None:
    """Raise UserError, naming the field and what is allowed, unless it holds."""
    if not holds:
        raise UserError(
            f"{type(spec).__name__}.{field} is {getattr(spec, field)!r}; allowed: {allowed}."
        )


def require_choice(spec: object, field: str, choices: Iterable[Any]) -> None:
    """The field is one of the choices."""
    choices = list(choices)
    require(getattr(spec, field) in choices, spec, field, " or ".join(map(repr, choices)))


def require_at_least(spec: object, minimum: float, *fields: str) -> None:
    """Each field is a minimum or more, or None."""
    for field in fields:
        value = getattr(spec, field)
        require(value is None or value >= minimum, spec, field, f"{minimum} or more")
