"""COADS: read from a Debian package without netCDF's own library; what is told when it is absent,
damaged or another set."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.io import netcdf_file

from common.data import climate_grid
from common.data.catalogue import available, load
from common.data.specs import ClimateGridSpec
from common.data.specs.climate_grid import VARIABLES
from common.errors import CorruptDataError, MissingDataError, UserError
from tests.common.data.debian import package

FILE = "./usr/share/ferret-vis/data/coads_climatology.cdf"


def grid(missing: str = "") -> bytes:
    """A small file of the same form; the first cell of each variable is unknown."""
    out = io.BytesIO()
    with netcdf_file(out, "w") as file:
        for name, size in (("TIME", 2), ("COADSY", 3), ("COADSX", 4)):
            file.createDimension(name, size)
            file.createVariable(name, "d", (name,))[:] = np.arange(size)
        for number, name in enumerate(VARIABLES):
            if name != missing:
                values = np.full((2, 3, 4), number, np.float32)
                values[0, 0, 0] = -1e34
                file.createVariable(name, "f", ("TIME", "COADSY", "COADSX"))[:] = values
        file.flush()
        return out.getvalue()


def put(context, files: dict[str, bytes]) -> None:
    path = climate_grid.DEBIAN.path(context)
    path.parent.mkdir(parents=True)
    path.write_bytes(package(files))


def test_unknown_cells_are_nan(context, monkeypatch):
    put(context, {FILE: grid()})
    with pytest.raises(CorruptDataError, match="does not hold the COADS climatology") as told:
        load(ClimateGridSpec(), context)
    digest = str(told.value).split("SHA-256 ")[1].split(",")[0]
    monkeypatch.setattr(climate_grid, "CONTENT_SHA256", digest)
    for number, name in enumerate(VARIABLES):
        data = load(ClimateGridSpec(name), context)
        assert np.isnan(data.values[0, 0, 0])
        assert (data.values[~np.isnan(data.values)] == number).all()
        assert np.isnan(data.values).sum() == 1
    assert data.latitudes.tolist() == [0, 1, 2]
    assert data.longitudes.tolist() == [0, 1, 2, 3]
    assert available(ClimateGridSpec(), context) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"./usr/share/doc/other": b""}, "lacks coads_climatology.cdf"),
        ({FILE: grid()[:100]}, "is not whole"),
        ({FILE: b"not a grid"}, "is not whole"),
        ({FILE: grid("SLP")}, "is not whole"),
    ],
    ids=["another package", "cut short", "another format", "a variable less"],
)
def test_damage_is_told(files, said, context):
    put(context, files)
    with pytest.raises(CorruptDataError, match=said):
        load(ClimateGridSpec(), context)


def test_absence_is_told(context):
    assert "ferret-datasets" in available(ClimateGridSpec(), context)
    with pytest.raises(MissingDataError, match="apt-get download ferret-datasets"):
        load(ClimateGridSpec(), context)


def test_apt_that_fails_is_told(context, monkeypatch, tmp_path):
    from common.data.context import DataContext

    def fail(*_):
        raise climate_grid.AptError("no network")

    monkeypatch.setattr(climate_grid, "apt_exists", lambda: True)
    monkeypatch.setattr(climate_grid, "apt_download", fail)
    with pytest.raises(MissingDataError, match="no network"):
        load(ClimateGridSpec(), DataContext(tmp_path / "other", progress=False))


def test_another_variable_is_refused():
    with pytest.raises(UserError, match="'SST' or"):
        ClimateGridSpec("RAIN").validate()


@pytest.mark.slow
@pytest.mark.data
def test_the_genuine_set(genuine_context):
    data = load(ClimateGridSpec(), genuine_context)
    assert data.values.shape == climate_grid.SHAPE
    assert np.isfinite(data.values).sum() == 104_778
    assert -3 < np.nanmin(data.values) < np.nanmax(data.values) < 34
    assert (data.latitudes[0], data.longitudes[0]) == (-89, 21)
