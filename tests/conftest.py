"""Settings of every test."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    """Small tensors on two threads are slower; and a test that fails must fail again."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
