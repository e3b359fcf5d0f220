"""The bound of the theorem, and the watch over a training."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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
