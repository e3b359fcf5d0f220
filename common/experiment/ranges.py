"""Ranges of settings: stated beside a default in a schema, checked before anything is run.

No task imports this, so that a range is no reason to run anything again.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from dataclasses import Field, field, fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from common.errors import UserError

_KEY = "range"
_WORDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "at_least": ("{} or more", operator.ge),
    "at_most": ("{} or less", operator.le),
    "above": ("above {}", operator.gt),
    "below": ("below {}", operator.lt),
    "one_of": ("one of {}", lambda value, allowed: value in allowed),
    "count": ("lists of {}", lambda value, count: True),
}


def ranged(default: Any, *, count: int | None = None, **bounds: Any) -> Any:
    """A field of a schema whose values are limited.

    Args:
        default: a value, or a list, nested or not: then bounds are of its numbers, and no list may
            be empty.
        count: entries of each innermost list.
        bounds: at_least, at_most, above, below; or one_of, a tuple. NaN is outside all of them.

    Raises:
        TypeError: a bound of another name.
    """
    if count is not None:
        bounds["count"] = count
    if unknown := bounds.keys() - _WORDS.keys():
        raise TypeError(f"{sorted(unknown)}; known: {', '.join(_WORDS)}")
    if isinstance(default, list):
        return field(default_factory=lambda: copy.deepcopy(default), metadata={_KEY: bounds})
    return field(default=default, metadata={_KEY: bounds})


def check(section: DictConfig, name: str) -> None:
    """Refuse a composed section in which a setting is out of its range.

    Args:
        name: of the section, for messages.

    Raises:
        UserError: says which, what it is and what is allowed.
    """
    schema = OmegaConf.get_type(section)
    if not is_dataclass(schema):
        return
    for setting in fields(schema):
        bounds = setting.metadata.get(_KEY)
        if bounds is None or (given := section[setting.name]) is None:
            continue
        given = OmegaConf.to_container(given) if OmegaConf.is_config(given) else given
        if not all(_within(value, bounds) for value in _values(given, bounds.get("count"))):
            raise UserError(f"{name}.{setting.name}={given}; allowed: {_allowed(setting, bounds)}.")


def _within(value: Any, bounds: dict[str, Any]) -> bool:
    return value is not None and all(
        _WORDS[word][1](value, bound) for word, bound in bounds.items()
    )


def _values(given: Any, count: int | None) -> Iterator[Any]:
    """Single values; None for a list that is empty or of another length."""
    if not isinstance(given, list):
        yield given
        return
    inner = any(isinstance(item, list) for item in given)
    if not given or (count is not None and not inner and len(given) != count):
        yield None
    for item in given:
        yield from _values(item, count)


def _allowed(setting: Field, bounds: dict[str, Any]) -> str:
    def shown(bound: Any) -> str:
        return ", ".join(map(str, bound)) if isinstance(bound, tuple) else str(bound)

    words = [_WORDS[word][0].format(shown(bound)) for word, bound in bounds.items()]
    return ", ".join(words) + (", not empty" if str(setting.type).startswith("list") else "")
