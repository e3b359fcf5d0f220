"""Kernels with the compiled scan and without."""

from __future__ import annotations

import pytest
import torch

from common.kernels import compiled


@pytest.fixture(params=["compiled", "torch"])
def either_path(request, monkeypatch):
    """The choice is made once a process; here it is made anew for each test."""
    monkeypatch.setenv(compiled.SWITCH, "1" if request.param == "compiled" else "0")
    compiled._load.cache_clear()
    if request.param == "compiled" and compiled.scan_function(torch.float32) is None:
        pytest.skip(compiled.status())
    yield request.param
    compiled._load.cache_clear()
