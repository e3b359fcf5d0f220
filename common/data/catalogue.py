"""One door to all sets: a spec and a context in, labelled sequences out.

Each set's module, named by its spec, is imported when it is asked for: a run pays only for what it
uses, and depends on no other set.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from common.data.context import DataContext
from common.errors import UserError

if TYPE_CHECKING:
    from common.data.sequence import SequenceData
    from common.data.specs.base import DataSpec


def load(spec: DataSpec, context: DataContext) -> SequenceData:
    """Fetch, verify, prepare and load the set that `spec` describes.

    Raises:
        UserError: for settings that no such set has, or a data folder that cannot be written.
        MissingDataError: if it is neither at hand nor to be had; says what to put where.
        CorruptDataError: if a source file is not what its checksum or format promises.
    """
    return _module(spec).load(spec, context)


def available(spec: DataSpec, context: DataContext) -> str | None:
    """None if the set is on disk or can be generated, else what would be fetched or is missing.

    Touches no network and writes nothing. A module without ``available`` generates its set.
    """
    found = getattr(_module(spec), "available", None)
    return found(spec, context) if found else None


def _module(spec: DataSpec):
    if not hasattr(spec, "LOADER"):
        raise UserError(
            f"{type(spec).__name__} is not a data spec; allowed: the classes of common.data.specs."
        )
    spec.validate()
    return import_module(spec.LOADER)
