from __future__ import annotations

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
