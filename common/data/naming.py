"""The key of a set, told from its spec alone: nothing is loaded, fetched or made."""

from __future__ import annotations

from importlib import import_module

from common.data.prepared import key, spec_hash
from common.data.specs import (
    ChirpsSpec,
    DataSpec,
    DigitsSpec,
    ImageSpec,
    ListOpsSpec,
    MnistSpec,
    PathfinderSpec,
    PulseSpec,
    RetrievalSpec,
    TextSpec,
)

IN_MEMORY = (ChirpsSpec, DigitsSpec, PulseSpec)  # made anew by each run; no file
_FOLDERS = {
    ChirpsSpec: "chirps",
    DigitsSpec: "digits",
    ListOpsSpec: "listops",
    PathfinderSpec: "pathfinder",
    PulseSpec: "pulse",
}


def key_of(spec: DataSpec) -> str | None:
    """What ``load(spec, ...).key`` will be; None where the official files have a say in it."""
    if getattr(spec, "source", None) in ("tsv", "aan"):
        return None
    # A loader's version and names are its own: it raises them with its bytes, and this module
    # must not make every run depend on what only lists.
    loader = import_module(spec.LOADER)
    if hasattr(loader, "prepared_key"):
        return loader.prepared_key(spec)
    if isinstance(spec, ImageSpec | MnistSpec):
        return key(loader._FOLDER, loader._NAME)
    of_source = isinstance(spec, TextSpec | RetrievalSpec)
    folder = spec.source if of_source else _FOLDERS[type(spec)]
    return key(folder, spec_hash(spec, loader._VERSION))
