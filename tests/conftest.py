"""Settings of every test."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors on two threads are slower, and two test processes share two cores."""
    torch.set_num_threads(1)
