"""First-order steps, and the closed forms of the task, at a few seeds."""

from __future__ import annotations

import pytest
import torch

from papers.sst.identities import after_sgd, first_order_step, layer_of
from papers.sst.models import DEFAULT, ENHANCED


@pytest.mark.parametrize("gradient", [ENHANCED, DEFAULT])
@pytest.mark.parametrize("shape", [(12, 18), (15, 15), (18, 12)])
def test_the_remainder_is_of_second_order(gradient, shape):
    torch.manual_seed(0)
    W, G = (torch.randn(*shape, dtype=torch.float64) / shape[1] ** 0.5 for _ in range(2))
    remainders = []
    for rate in (1e-3, 1e-4):
        layer = layer_of(W, 4, gradient)
        layer.activate(torch.tensor([1, 5, 7, 2]))
        step = first_order_step(layer, G)
        assert float((G * step).sum()) < 0
        remainders.append(float((after_sgd(layer, G, rate) - W - rate * step).norm()) / rate**2)
    assert remainders[1] == pytest.approx(remainders[0], rel=0.05)


def test_with_all_triples_active_the_default_step_descends_more():
    """More active triples, more descent: each adds a term that is not positive."""
    torch.manual_seed(1)
    W, G = (torch.randn(10, 10, dtype=torch.float64) for _ in range(2))
    descents = []
    for rank in (1, 4, 10):
        layer = layer_of(W, rank)
        descents.append(float((G * first_order_step(layer, G)).sum()))
    assert descents == sorted(descents, reverse=True)
