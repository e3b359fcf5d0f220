"""The bound of the theorem, and the watch over a training."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from common.compression.forms import CHANNEL
from papers.trp.projection import project, truncate
from papers.trp.stability import Stability, largest_change, largest_step


@given(st.integers(0, 2**31), st.sampled_from([0.005, 0.02, 0.1, 0.5]), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_rank_does_not_rise_within_the_bound(seed, left_out, rank):
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *s: torch.randn(*s, generator=generator, dtype=torch.float64)  # noqa: E731
    low, change = normal(9, rank) @ normal(rank, 12), normal(9, 12)
    bound = largest_change(float(torch.linalg.vector_norm(low)), left_out)
    change *= bound * (1 - 1e-9) / torch.linalg.vector_norm(change)
    assert truncate(low + change, left_out).S.shape[-1] <= rank


def test_the_bound_is_what_is_sufficient():
    # ||E|| <= sqrt(e) ||T + E|| follows from it by the triangle inequality, with equality.
    e, norm = 0.04, 3.0
    change = largest_change(norm, e)
    assert change == pytest.approx(math.sqrt(e) * (norm - change))


def test_steps():
    assert largest_step(20, 0.1, 2.0) == pytest.approx(4)
    assert largest_step(20, 0.1, 2.0, momentum=0.9) == pytest.approx(40)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_training_stays_within_the_bound_on_its_steps(momentum):
    """G is the largest gradient that was met, weight decay included."""
    torch.manual_seed(0)
    layer, x = nn.Linear(6, 4, bias=False).double(), torch.randn(32, 6, dtype=torch.float64)
    y, decay, rate = torch.randn(32, 4, dtype=torch.float64), 0.1, 0.05
    start, largest = layer.weight.detach().clone(), 0.0
    update = torch.optim.SGD(layer.parameters(), rate, momentum, weight_decay=decay)
    for steps in range(1, 21):
        update.zero_grad()
        (layer(x) - y).square().sum().div(32).backward()
        full = layer.weight.grad + decay * layer.weight.detach()
        largest = max(largest, float(torch.linalg.vector_norm(full)))
        update.step()
        change = float(torch.linalg.vector_norm(layer.weight.detach() - start))
        assert change <= largest_step(steps, rate, largest, momentum) * (1 + 1e-12)


def test_a_resumed_watch_goes_on():
    torch.manual_seed(0)
    weights = [torch.randn(6, 3, 3, 3) for _ in range(4)]
    whole, cut = Stability(0.1), Stability(0.1)
    for number, weight in enumerate(weights):
        if number == 2:
            state, cut = cut.state_dict(), Stability(0.1)
            cut.load_state_dict(state)
        for seen in (whole, cut):
            seen.see("layer", weight, project(weight, CHANNEL, 0.1))
    assert (cut.held, cut.broken, cut.rises, cut.ranks) == (
        whole.held, whole.broken, whole.rises, whole.ranks
    )  # fmt: skip


def test_watch():
    seen = Stability(0.1)
    base = torch.zeros(4, 1, 1, 5, dtype=torch.float64)
    base[0, 0, 0, 0] = 1.0
    seen.see("layer", base, project(base, CHANNEL, 0.1))
    nudged = base.clone()
    nudged[1, 0, 0, 1] = 0.1
    seen.see("layer", nudged, project(nudged, CHANNEL, 0.1))
    assert (seen.held, seen.broken, seen.rises) == (1, 0, 0)
    far = base.clone()
    far[1, 0, 0, 1] = 1.0
    seen.see("layer", far, project(far, CHANNEL, 0.1))
    assert (seen.held, seen.broken, seen.rises) == (1, 0, 1)
