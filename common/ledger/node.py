"""What every part of a claims file shares: mappings that take their own keys and no others."""

from __future__ import annotations

import difflib
import itertools
import math
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _metric(value: str) -> str:
    if value.count("/") < 2 or not all(value.split("/")):
        raise ValueError("a metric is written <task>/<variant>/<metric>")
    return value


def _operand(value: Any) -> Any:
    if isinstance(value, str):
        return _metric(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number or a metric <task>/<variant>/<metric> is wanted")
    if not math.isfinite(value):
        raise ValueError("a bound is a finite number")
    return value


Metric = Annotated[str, AfterValidator(_metric)]
Operand = Annotated[float | str, BeforeValidator(_operand)]
Range = Annotated[list[float], Field(min_length=2, max_length=2, description="[low, high]")]
Scalar = int | float | str
Table = Annotated[
    dict[str, Annotated[list[Scalar], Field(min_length=1)]],
    Field(min_length=1, description="name -> values, put in place of {name}, in every combination"),
]


class Node(BaseModel):
    """A mapping: unknown keys are refused with those that are allowed, values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, content: Any) -> Any:
        if isinstance(content, cls):
            return content
        required = [n for n, f in cls.model_fields.items() if f.is_required()]
        if not isinstance(content, dict):
            raise ValueError(f"a mapping with {', '.join(required) or 'its keys'} is wanted")
        unknown = [str(key) for key in content if key not in cls.model_fields]
        if unknown:
            near = difflib.get_close_matches(unknown[0], cls.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"unknown key {', '.join(unknown)}; allowed: {', '.join(cls.model_fields)}{hint}"
            )
        if absent := [name for name in required if name not in content]:
            raise ValueError(f"{', '.join(absent)} missing")
        return content


def ordered(pair: list[float]) -> list[float]:
    """A range whose ends are in order.

    Raises:
        ValueError: low is above high.
    """
    if pair[0] > pair[1]:
        raise ValueError(f"[low, high] is wanted, not {pair}")
    return pair


def expanded(content: Any, values: dict[str, Any]) -> Any:
    """``content`` with each ``{key}`` in its strings replaced by the value."""
    if isinstance(content, dict):
        return {expanded(k, values): expanded(v, values) for k, v in content.items()}
    if isinstance(content, list):
        return [expanded(item, values) for item in content]
    if isinstance(content, str):
        for key, value in values.items():
            text = f"{value:g}" if isinstance(value, float) else str(value)
            content = content.replace(f"{{{key}}}", text)
    return content


def combinations(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values of ``for_each``."""
    return [dict(zip(table, values, strict=True)) for values in itertools.product(*table.values())]
