"""Draws of active triples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.sst.identities import frequencies, inclusion
from papers.sst.sampling import RULES, choose, probabilities

S = torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64)


def test_the_mixture():
    wanted = torch.tensor([(1 / 4 + s / 7) / 2 for s in (4, 2, 1, 0)], dtype=torch.float64)
    torch.testing.assert_close(probabilities(S), wanted)


def test_all_zero_is_uniform():
    for rule in ("mixture", "multinomial", "uniform"):
        torch.testing.assert_close(
            probabilities(torch.zeros(5), rule), torch.full((5,), 0.2, dtype=torch.float64)
        )


@pytest.mark.parametrize("rule", ["mixture", "uniform"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_frequencies_are_those_of_draws_without_replacement(rule, rank):
    drawn = [choose(S, rank, rule, seed=1, layer="a", iteration=j) for j in range(4000)]
    exact = inclusion(probabilities(S, rule), rank)
    assert float((frequencies(drawn, 4) - exact).abs().max()) < 0.03
    assert all(len(d.unique()) == rank for d in drawn)


def test_enumeration_of_two_of_two():
    torch.testing.assert_close(
        inclusion(torch.tensor([0.7, 0.3], dtype=torch.float64), 1),
        torch.tensor([0.7, 0.3], dtype=torch.float64),
    )


def test_without_exploration_a_zero_is_never_drawn():
    drawn = [choose(S, 2, "multinomial", seed=0, layer="a", iteration=j) for j in range(200)]
    assert not any(3 in d for d in drawn)


def test_rules_without_chance():
    taken = [choose(S, 3, "sequential", seed=0, layer="a", iteration=j).tolist() for j in range(3)]
    assert taken == [[0, 1, 2], [3, 0, 1], [2, 3, 0]]
    shuffled = torch.tensor([1.0, 3.0, 2.0, 0.0])
    assert choose(shuffled, 2, "top", seed=0, layer="a", iteration=9).tolist() == [1, 2]


@settings(max_examples=50, deadline=None)
@given(
    s=st.lists(st.floats(0, 1e3, allow_subnormal=False), min_size=1, max_size=9),
    rule=st.sampled_from(RULES),
    seed=st.integers(0, 2**32 - 1),
    iteration=st.integers(0, 10**6),
)
def test_always_distinct_and_repeatable(s, rule, seed, iteration):
    s = torch.tensor(s)
    rank = 1 + seed % len(s)
    once, again = (
        choose(s, rank, rule, seed=seed, layer="x", iteration=iteration) for _ in range(2)
    )
    assert torch.equal(once, again)
    assert len(once.unique()) == rank


def test_seed_layer_and_iteration_decide():
    s = torch.ones(64)
    base = choose(s, 8, "uniform", seed=0, layer="a", iteration=0)
    for other in ({"seed": 1}, {"layer": "b"}, {"iteration": 1}):
        given_ = {"seed": 0, "layer": "a", "iteration": 0} | other
        assert not torch.equal(base, choose(s, 8, "uniform", **given_))


def test_refusals():
    with pytest.raises(InvalidInputError, match="allowed: mixture, multinomial, uniform"):
        choose(S, 2, "best", seed=0, layer="", iteration=0)
    with pytest.raises(InvalidInputError, match="of 4 singular values 1 to 4 can be drawn"):
        choose(S, 5, "mixture", seed=0, layer="", iteration=0)
