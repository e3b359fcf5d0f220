"""The plane through three solutions, on models whose loss is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from papers.randlora.loss_plane import combined, draw, losses


def states():
    return [{"weight": torch.tensor([[a, b]])} for a, b in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))]


def test_weights_sum_to_one_on_the_plane():
    mixed = combined(states(), (0.2, 0.3, 0.5))
    torch.testing.assert_close(mixed["weight"], torch.tensor([[0.3, 0.5]]))


def test_losses_of_a_known_bowl():
    model = nn.Linear(2, 1, bias=False)
    sides, rows = losses(model, states(), lambda m: float(m.weight.square().sum()), 5, margin=0.5)
    assert sides == pytest.approx([-0.5, 0.0, 0.5, 1.0, 1.5])
    for b, row in zip(sides, rows, strict=True):
        assert row == pytest.approx([a * a + b * b for a in sides])


def test_the_figure(tmp_path):
    draw([0.0, 1.0], [[1.0, 2.0], [3.0, 4.0]], ("full", "lora", "randlora"), tmp_path)
    assert (tmp_path / "loss_plane.png").stat().st_size > 0
