"""Which source a result comes from: the modules a task reaches, and a digest of each.

What cannot change a figure does not count: comments, docstrings, blank lines, imports for type
checkers only. The digest is taken over text, not over a syntax tree, whose printed form differs
between versions of Python.
"""

from __future__ import annotations

import ast
import hashlib
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.experiment.paths import COMMON, PAPERS

if TYPE_CHECKING:
    from omegaconf import DictConfig

PACKAGES = {"common": COMMON, "papers": PAPERS}

# Beside what a task imports: threads, seeds and the floating-point mode of its process.
ALWAYS = ("common.experiment.machine",)

_TYPING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_DEFINITIONS = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def roots(config: DictConfig) -> set[str]:
    """Modules of the house that a composed configuration names: its entry, its ``_target_``s, and
    the loaders of its data sets."""
    from omegaconf import OmegaConf

    from common.experiment.datasets import datasets

    named = set(_named(OmegaConf.to_container(config)))
    task = OmegaConf.select(config, "task")
    named |= {spec.LOADER for spec in datasets(task)} if task is not None else set()
    return {module for name in named for module in [_module_of(name)] if module} | set(ALWAYS)


def reached(modules: Iterable[str]) -> list[str]:
    """``modules`` and every module of the house that they import, at whatever depth.

    A name taken from a package that only passes names on stands there as ``package:name``.
    """
    seen: set[str] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imported(module)
    return sorted(seen)


def digests(modules: Iterable[str]) -> dict[str, str]:
    """Digest of each module; of those made of imports alone there is nothing to digest."""
    return {module: found for module in modules if (found := digest(module))}


def loaded(before: dict[str, str]) -> dict[str, str]:
    """Those of ``before`` that this process has imported.

    An import inside a function counts only if the function ran. The digests are those taken
    before the run: a file that is edited meanwhile is not what ran.
    """
    return {
        module: found for module, found in before.items() if module.partition(":")[0] in sys.modules
    }


def mixed(earlier: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Digests of a run that goes on: a module that has changed in between has that of neither."""
    return {m: d if earlier.get(m, d) == d else f"{earlier[m]}+{d}" for m, d in now.items()}


def source_file(module: str) -> Path | None:
    """Where a module of the house lies; None if there is no such module (any more)."""
    package, *parts = module.split(".")
    if package not in PACKAGES:
        return None
    base = PACKAGES[package].joinpath(*parts)
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@cache
def digest(module: str) -> str:
    """Twelve hexadecimal digits over a module's substance and over the files beside it that it
    names (C sources, tables).

    Empty if there is no such module, or nothing in it but imports: of those the ones that are used
    count, as ``package:name``, so that a new name in a package's list makes nothing stale.

    Taken once in a process: a module that is edited later goes on running as it was imported, in
    the next run of a sweep too.
    """
    package, _, name = module.partition(":")
    path = source_file(package)
    if path is None:
        return ""
    text = path.read_text()
    if _only_imports(text):
        origin = _passed_on(text).get(name, "")
        return hashlib.sha256(origin.encode()).hexdigest()[:12] if origin else ""
    content = hashlib.sha256(substance(text).encode())
    for beside in sorted(path.parent.iterdir()):
        if beside.is_file() and beside.suffix not in (".py", ".pyc") and beside.name in text:
            content.update(beside.read_bytes())
    return content.hexdigest()[:12]


@cache
def imported(module: str) -> frozenset[str]:
    """Modules of the house that ``module`` imports, anywhere in its text, and its own packages."""
    path = source_file(module)
    if path is None:
        return frozenset()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found, taken = set(_parents(module)), set()
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            base = _absolute(node, package)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
            taken |= {f"{base}:{alias.name}" for alias in node.names if source_file(base)}
    known = {name for name in found if name != module and source_file(name)}
    used = {name for name in taken if digest(name) and not digest(name.partition(":")[0])}
    return frozenset(known | used | {p for name in known for p in _parents(name)} - {module})


def substance(text: str) -> str:
    """Python source without comments, docstrings and blank lines; strings are kept as they are."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    tree = ast.parse(text)
    of_strings = {
        row
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        for row in range(node.lineno - 1, node.end_lineno - 1)
    }
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            first, last = docstring.lineno - 1, docstring.end_lineno - 1
            before = lines[first].encode()[: docstring.col_offset]
            after = lines[last].encode()[docstring.end_col_offset :]
            if not before.strip() and not after.strip():  # alone on its lines
                lines[first : last + 1] = [""] * (last + 1 - first)
                of_strings -= set(range(first, last + 1))
    return "\n".join(
        line if row in of_strings else line.rstrip()
        for row, line in enumerate(lines)
        if row in of_strings or line.strip()
    )


def _only_imports(text: str) -> bool:
    """Whether a module holds nothing but imports, a docstring and ``__all__``."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in ast.parse(text).body
    )


def _passed_on(text: str) -> dict[str, str]:
    """Name -> where a module that only imports has it from."""
    return {
        alias.asname or alias.name: f"{'.' * node.level}{node.module or ''} {alias.name}"
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _named(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ("entry", "_target_") and isinstance(value, str):
                yield value
            else:
                yield from _named(value)
    elif isinstance(content, list):
        for item in content:
            yield from _named(item)


def _module_of(name: str) -> str | None:
    """The module in which a dotted name lies."""
    while name and source_file(name) is None:
        name = name.rpartition(".")[0]
    return name or None


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _statements(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements outside ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) in _TYPING:
            yield from _statements(ast.Module(child.orelse, []))
        elif isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        else:
            yield from _statements(child)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
