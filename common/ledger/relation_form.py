"""Common to relations of ``claims.yaml``: a name, ``for_each``, bounds, sides of an interval."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from common.ledger.node import Metric, Node, Range, Table, combinations, expanded, ordered
from common.ledger.relations import Combination, Relation

Ordered = Annotated[Range, AfterValidator(ordered)]
Pair = Annotated[list[Metric], Field(min_length=2, max_length=2)]
Metrics = Annotated[list[Metric], Field(min_length=2)]
Settings = Annotated[dict[float, Metric], Field(min_length=2)]


class Form(Node, ABC):
    """What every relation may carry."""

    # Of any form, to read what ``for_each`` expands to; set where all forms are known.
    adapter: ClassVar[TypeAdapter[Form]]

    name: str = ""
    for_each: Table | None = None

    def build(self) -> Relation:
        """The relation, stated for every combination of ``for_each``."""
        if self.for_each is None:
            return self._build()
        body = self.model_dump(exclude={"name", "for_each"}, exclude_unset=True, by_alias=True)
        parts = tuple(
            self.adapter.validate_python(expanded(body, values)).build()
            for values in combinations(self.for_each)
        )
        folded = not any(isinstance(part, Combination) for part in parts)
        return Combination(self.name or self._title(), parts, folded=folded)

    def _title(self) -> str:
        return ""

    @abstractmethod
    def _build(self) -> Relation:
        """The relation itself."""


class Bounds(Node):
    """Numbers that a value is compared with."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    within: Ordered | None = None

    def pairs(self) -> tuple[tuple[str, Any], ...]:
        """(word, bound), ``within`` as its two sides."""
        found: list[tuple[str, Any]] = []
        for word in ("at_least", "at_most", "above", "below"):
            if (bound := getattr(self, word)) is not None:
                found.append((word, bound))
        if self.within is not None:
            found += [("at_least", self.within[0]), ("at_most", self.within[1])]
        return tuple(found)


class Bounded(Bounds):
    """The same, at least one."""

    @model_validator(mode="after")
    def _bounded(self) -> Bounded:
        if not self.pairs():
            raise ValueError("one of at_least, at_most, above, below, within is needed")
        return self


class Sides(Node):
    """Where an interval is to lie."""

    lies_above: float | None = None
    lies_below: float | None = None
    lies_within: Ordered | None = None

    def side(self) -> tuple[Any, Any] | None:
        """(low, high) with None for an open end; None if no side is given."""
        given = [
            s for s in ("lies_above", "lies_below", "lies_within") if getattr(self, s) is not None
        ]
        if not given:
            return None
        if len(given) > 1:
            raise ValueError(f"{', '.join(given)} exclude each other")
        if self.lies_within is not None:
            return self.lies_within[0], self.lies_within[1]
        return self.lies_above, self.lies_below
