"""COADS: monthly means at sea on a grid of two degrees, 12 months by 90 latitudes by 180 longitudes
(Woodruff et al. 1987, as NOAA's Ferret ships them). Cells on land, and those where no ship came,
are not known: NaN.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from common.data.context import DataContext
from common.data.debian_package import (
    AptError,
    DebianPackage,
    apt_download,
    apt_exists,
    deb_files,
    would_download,
)
from common.data.prepared import Arrays, content_sha256, key, prepare, prepared_path
from common.data.specs.climate_grid import VARIABLES, ClimateGridSpec
from common.errors import CorruptDataError, MissingDataError

DEBIAN = DebianPackage("ferret-datasets", 28)
SHAPE = (12, 90, 180)
# over all variables (`prepared.content_sha256`)
CONTENT_SHA256 = "9f3ac8bdc69c1d5497bb631f521bd813e79eca2743d987810c87bdcf7a20b838"
_FOLDER, _NAME, _FILE = "climate_grid", "coads", "coads_climatology.cdf"
_BELOW = -1e30  # an unknown cell is -1e34 in the file


@dataclass(frozen=True)
class ClimateGrid:
    """A variable, and where it comes from.

    Attributes:
        values: NaN where it is not known.
        latitudes: of the cells' centres, degrees north.
        longitudes: degrees east.
    """

    values: Float[np.ndarray, "months latitudes longitudes"]
    latitudes: Float[np.ndarray, " latitudes"]
    longitudes: Float[np.ndarray, " longitudes"]
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False
    notes: tuple[str, ...] = ()


def load(spec: ClimateGridSpec, context: DataContext) -> ClimateGrid:
    """One variable.

    Raises:
        MissingDataError: the package is neither at hand nor to be had.
        CorruptDataError: it is damaged, or holds another set.
    """

    def decode() -> tuple[Arrays, dict[str, Any]]:
        return _read(_archive(context)), {}

    prepared = prepare(context, _FOLDER, _NAME, decode)
    arrays = prepared.arrays
    return ClimateGrid(
        arrays[spec.variable],
        arrays["latitudes"],
        arrays["longitudes"],
        "COADS",
        f"COADS climatology, {spec.variable} (Woodruff et al. 1987)",
        prepared.content_sha256,
        prepared_key(spec),
    )


def available(spec: ClimateGridSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists() or _at_hand(context):
        return None
    return would_download(DEBIAN, context)


def prepared_key(spec: ClimateGridSpec) -> str:
    """One file serves all variables."""
    return key(_FOLDER, _NAME)


def _at_hand(context: DataContext) -> Path | None:
    places = (context.local(_FOLDER, DEBIAN.filename), DEBIAN.path(context))
    return next((path for path in places if path is not None and path.exists()), None)


def _archive(context: DataContext) -> Path:
    if found := _at_hand(context):
        return found
    said = "fetching is switched off" if not context.download else "there is no apt-get"
    if apt_exists() and context.download:
        try:
            return apt_download(DEBIAN, context)
        except AptError as error:
            said = f"apt-get could not deliver it: {error}"
    raise MissingDataError(
        f"COADS: the Debian package {DEBIAN.name}",
        f"Here {said}. Put the output of `apt-get download {DEBIAN.name}` at "
        f"{DEBIAN.path(context)}.",
    )


def _read(archive: Path) -> Arrays:
    from scipy.io import netcdf_file

    found = dict(deb_files(archive, lambda name: Path(name).name == _FILE))
    if not found:
        raise CorruptDataError(f"{archive} lacks {_FILE}. Delete it and get it anew.")
    (content,) = found.values()
    arrays: Arrays = {}
    try:
        with netcdf_file(io.BytesIO(content), "r", mmap=False) as grid:
            for name in VARIABLES:
                values = grid.variables[name].data.astype(np.float32)
                arrays[name] = np.where(values > _BELOW, values, np.float32(np.nan))
            arrays["latitudes"] = grid.variables["COADSY"].data.astype(float)
            arrays["longitudes"] = grid.variables["COADSX"].data.astype(float)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CorruptDataError(f"{_FILE} in {archive} is not whole ({error}).") from error
    if (digest := content_sha256(arrays)) != CONTENT_SHA256:
        raise CorruptDataError(
            f"{archive} does not hold the COADS climatology: its decoded content has SHA-256 "
            f"{digest}, expected {CONTENT_SHA256}. Delete it and get it anew."
        )
    return arrays
