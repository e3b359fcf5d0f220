"""Finding layers in a model by type and name, and putting others in their place."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from common.errors import InvalidInputError


def select(
    model: nn.Module,
    kinds: tuple[type[nn.Module], ...],
    *,
    include: Iterable[str] = ("*",),
    exclude: Iterable[str] = (),
) -> dict[str, nn.Module]:
    """Layers of these types by name, in the order in which the model holds them.

    Args:
        include: patterns of names, ``blocks.*.mlp.*``.
        exclude: patterns of those that are left out; they may be of other types.

    Raises:
        InvalidInputError: a pattern of ``include`` other than ``*`` fits no layer of these types,
            or one of ``exclude`` no part of the model.
    """
    include, exclude = tuple(include), tuple(exclude)
    found = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    everything = [name for name, _ in model.named_modules()]
    asked = [(pattern, list(found)) for pattern in include if pattern != "*"]
    for pattern, names in asked + [(pattern, everything) for pattern in exclude]:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InvalidInputError(
                f"No layer is called {pattern!r}. There are: {', '.join(found) or 'none'}."
            )
    return {
        name: module
        for name, module in found.items()
        if any(fnmatchcase(name, pattern) for pattern in include)
        and not any(fnmatchcase(name, pattern) for pattern in exclude)
    }


def tied(model: nn.Module) -> dict[str, list[str]]:
    """Layers that share a parameter with another, and with which: one cannot be replaced alone."""
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name)
    found: dict[str, list[str]] = {}
    for names in owners.values():
        for name in names:
            others = [other for other in names if other != name]
            if others:
                found.setdefault(name, []).extend(others)
    return found


def replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put ``layer`` in the place of the module of this name, in its training mode."""
    parent, _, leaf = name.rpartition(".")
    layer.train(model.get_submodule(name).training)
    setattr(model.get_submodule(parent), leaf, layer)
