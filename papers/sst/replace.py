"""The door: give the linear layers of a model, chosen by name, another form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from common.errors import InvalidInputError

Make = Callable[[str, nn.Linear], nn.Module]


def linear_layers(
    model: nn.Module, match: Sequence[str] = ("*",), skip: Sequence[str] = ()
) -> dict[str, nn.Linear]:
    """Layers of the very class ``nn.Linear``, by name.

    Args:
        model: to be searched.
        match: patterns of names, as of file names ("*.mlp.*"); one that fits is enough.
        skip: patterns of names that are left out.

    Raises:
        InvalidInputError: no layer is left; a pattern fits no layer; or the weight of a layer is
            shared with another module, which would go on using the old one.
    """
    every = {name: m for name, m in model.named_modules() if type(m) is nn.Linear}
    for pattern in (*match, *skip):
        if not any(fnmatchcase(name, pattern) for name in every):
            raise InvalidInputError(
                f"No linear layer is called {pattern!r}. There are: {_listed(list(every))}."
            )
    found = {
        name: layer
        for name, layer in every.items()
        if any(fnmatchcase(name, p) for p in match) and not any(fnmatchcase(name, p) for p in skip)
    }
    if not found:
        raise InvalidInputError(
            f"match={list(match)} and skip={list(skip)} leave no linear layer. There are: "
            f"{_listed(list(every))}."
        )
    if "" in found:
        raise InvalidInputError(
            "The model is a linear layer itself and cannot be replaced in place; put it into a "
            "module."
        )
    owners: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(parameter), []).append(name)
    for name, layer in found.items():
        others = [o for o in owners[id(layer.weight)] if o != f"{name}.weight"]
        if others:
            raise InvalidInputError(
                f"The weight of {name} is also {', '.join(others)} (tied weights). Leave the layer "
                f"out, skip=[{name!r}], or untie it first."
            )
    return found


def replace_linears(
    model: nn.Module, make: Make, match: Sequence[str] = ("*",), skip: Sequence[str] = ()
) -> dict[str, nn.Module]:
    """Put ``make(name, layer)`` in the place of each chosen layer, in the model itself.

    All new layers are made before the first is put in place: a model is changed whole or not.

    Returns:
        The new layers by name, in the order of the model.

    Raises:
        InvalidInputError: see :func:`linear_layers`; or ``make`` refuses a layer, then with the
            layer's name.
    """
    made = {}
    for name, layer in linear_layers(model, match, skip).items():
        try:
            made[name] = make(name, layer).train(layer.training)
        except InvalidInputError as error:
            raise InvalidInputError(f"{name}: {error}") from error
    for name, layer in made.items():
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer)
    return made


def dense_again(model: nn.Module) -> nn.Module:
    """Turn every layer with a ``to_linear`` back into a dense one, in place; returns the model."""
    for name, layer in list(model.named_modules()):
        if hasattr(layer, "to_linear"):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.to_linear())
    return model


def _listed(names: list[str]) -> str:
    if not names:
        return "none at all"
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
