"""YAML with the line of every entry, so that a mistake in a file can be pointed at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import UserError

if TYPE_CHECKING:
    from pydantic import ValidationError

_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """YAML 1.2's numbers (``1e-10`` is one, which YAML 1.1 calls a word); no key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (key_node, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} occurs twice", key_node.start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


# A schema's names of types -> a user's.
_PLAIN = {
    "tuple": "a list",
    "list": "a list",
    "dictionary": "a mapping",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Source:
    """A file's content and where each part of it stands."""

    path: Path
    content: Any
    _tree: yaml.Node | None

    def line(self, place: Sequence[Any]) -> int:
        """Line of the innermost entry on the way to ``place``, a path of keys and indices."""
        node, line = self._tree, 1
        for part in place:
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(part)]
                if not found:
                    continue
                key, node = found[0]
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
                node = node.value[part]
                line = node.start_mark.line + 1
        return line


def load(path: Path) -> Source:
    """Read a file.

    Raises:
        UserError: it is not there, or not YAML; with the line.
    """
    try:
        return read_text(path.read_text(), path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid YAML: {error}.") from error


def read_text(text: str, path: Path) -> Source:
    """Read what stands in a file.

    Raises:
        UserError: it is not YAML; with the line.
    """
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        content = loader.construct_document(tree) if tree is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(f"{path}:{line}: not valid YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}.") from error
    return Source(path, content, tree)


def sentences(error: ValidationError) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Place and message of each mistake that a schema found."""
    for one in error.errors(include_url=False):
        place = tuple(part for part in one["loc"] if part != "[key]")
        message = one["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        for kind, plain in _PLAIN.items():
            message = message.replace(f"input should be a valid {kind}", f"{plain} is wanted")
        given = one.get("input")
        if not isinstance(given, dict | list):
            message += f", not {given!r}"
        yield place, message
