"""Settings of every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from common.data.context import DataContext


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    """Small tensors on two threads are slower; and a test that fails must fail again."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def genuine_context(tmp_path: Path) -> DataContext:
    """Genuine sets from the folder named by STRUCTLAB_DATA; packages may be fetched."""
    source = os.environ.get("STRUCTLAB_DATA")
    if not source:
        pytest.skip("STRUCTLAB_DATA does not name a folder of data sets")
    return DataContext(tmp_path / "data", local_source=Path(source), progress=False)
