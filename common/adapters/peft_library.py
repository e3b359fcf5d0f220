"""The library `peft`: one door, with an error that names the extra, and its tables of methods."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from common.errors import UserError

_TRIED = "0.21"


def peft_library() -> ModuleType:
    """The module.

    Raises:
        UserError: it is not installed, or of a release whose inner workings differ.
    """
    try:
        found = version("peft")
    except PackageNotFoundError:
        raise UserError(
            "Tuners need peft, which is not installed: pip install 'structlab[peft]'. Without it, "
            "common.adapters.plain.adapt puts the same adapters on any model."
        ) from None
    if not found.startswith(_TRIED + "."):
        raise UserError(
            f"peft {found} is installed; tuners are made for {_TRIED}.x, as others "
            f"register methods in another way: pip install 'structlab[peft]'."
        )
    import peft

    return peft


def register(name: str, prefix: str, config: type, model: type) -> None:
    """Make a method known to `get_peft_model` and `PeftModel.from_pretrained`; twice is once.

    peft's own door takes members of its enumeration only; its tables take any string.

    Args:
        name: in capitals, as it stands in saved configurations.
        prefix: with which every attribute begins that holds trained parameters.

    Raises:
        UserError: peft is missing or of another release, or the name or prefix is another's.
    """
    peft_library()
    from peft import mapping

    tables = {
        "PEFT_TYPE_TO_CONFIG_MAPPING": config,
        "PEFT_TYPE_TO_TUNER_MAPPING": model,
        "PEFT_TYPE_TO_PREFIX_MAPPING": prefix,
    }
    if missing := [table for table in tables if not hasattr(mapping, table)]:
        raise UserError(f"This peft has no {', '.join(missing)}; tuners need {_TRIED}.x.")
    taken = mapping.PEFT_TYPE_TO_PREFIX_MAPPING
    if taken.get(name, prefix) != prefix or any(
        other != name and used == prefix for other, used in taken.items()
    ):
        raise UserError(f"peft has another method called {name} or with the prefix {prefix}.")
    for table, value in tables.items():
        getattr(mapping, table)[name] = value
