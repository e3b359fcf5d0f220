"""Counts against the paper's tables, and against adapters that were built."""

from __future__ import annotations

import pytest
from torch import nn

from common.adapters.plain import adapt
from papers.randlora.accounting import (
    ROBERTA_BASE,
    ROBERTA_LARGE,
    VIT_B32,
    lora_numbers,
    randlora_numbers,
)
from papers.randlora.models import RandLoRAMethod
from papers.randlora.variants import NoLAMethod, SummedMethod


@pytest.mark.parametrize(
    ("shapes", "rank", "randlora", "lora_rank", "lora"),
    [
        (ROBERTA_BASE, 64, 718_848, 4, 663_552),
        (ROBERTA_LARGE, 100, 1_780_416, 4, 1_769_472),
        (VIT_B32, 6, 4_755_456, 32, 4_718_592),
    ],
)
def test_published_budgets(shapes, rank, randlora, lora_rank, lora):
    assert randlora_numbers(shapes, rank) == randlora
    assert lora_numbers(shapes, lora_rank) == lora


def test_a_larger_rank_takes_fewer_numbers():
    assert randlora_numbers(VIT_B32, 3) / randlora_numbers(VIT_B32, 6) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize(("rank", "most"), [(2, None), (5, None), (2, 2)])
def test_counts_are_those_of_adapters(rank, most):
    shapes = [(8, 12), (12, 6), (6, 6)]
    model = nn.Sequential(*(nn.Linear(columns, rows) for rows, columns in shapes))
    adapters = adapt(model, RandLoRAMethod(rank=rank, num_bases=most))
    assert sum(a.number() for a in adapters.values()) == randlora_numbers(shapes, rank, most)


def test_the_summed_variant_has_as_many_numbers_and_nola_two_a_matrix():
    model = nn.Sequential(nn.Linear(12, 8))
    assert adapt(model, SummedMethod(rank=2))["0"].number() == randlora_numbers([(8, 12)], 2)
    model = nn.Sequential(nn.Linear(12, 8))
    assert adapt(model, NoLAMethod(number=10))["0"].number() == 20
