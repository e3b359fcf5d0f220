"""Kept bytes of layers whose backward pass is known; medians of calls that are counted."""

from __future__ import annotations

import torch
from torch import nn

from common.adapters.cost import kept_bytes, medians, step


def test_a_frozen_linear_layer_keeps_nothing():
    layer = nn.Linear(4, 8).requires_grad_(False)
    assert kept_bytes(layer, torch.randn(5, 4)) == 0


def test_a_nonlinearity_keeps_its_output():
    assert kept_bytes(nn.Sequential(nn.Tanh()), torch.randn(5, 4)) == 4 * 5 * 4


def test_a_step_gives_gradients():
    layer, x = nn.Linear(4, 8), torch.randn(5, 4)
    step(layer, x)()
    assert layer.weight.grad is not None
    assert x.grad is None


def test_every_round_runs_all_twice():
    calls = []
    found = medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "a", "b", "b"] * 3
    assert found.keys() == {"a", "b"}
