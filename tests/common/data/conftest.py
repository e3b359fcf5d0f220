from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.data.context import DataContext


@pytest.fixture
def context(tmp_path: Path) -> DataContext:
    """An empty data folder, no local source, no network."""
    return DataContext(tmp_path / "data", download=False, progress=False)


@pytest.fixture
def local_context(tmp_path: Path) -> DataContext:
    """As `context`, with an empty local source at tmp_path / "local"."""
    (tmp_path / "local").mkdir()
    return DataContext(
        tmp_path / "data", local_source=tmp_path / "local", download=False, progress=False
    )


@pytest.fixture
def genuine_context(tmp_path: Path) -> DataContext:
    """Genuine sets from the folder named by STRUCTLAB_DATA; packages may be fetched."""
    source = os.environ.get("STRUCTLAB_DATA")
    if not source:
        pytest.skip("STRUCTLAB_DATA does not name a folder of data sets")
    return DataContext(tmp_path / "data", local_source=Path(source), progress=False)
