"""The language model cut by so many per cent: as many parameters as the closed form says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from common.compression import costs
from common.compression.language_models import LanguageStart
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from papers.lord import accounting
from papers.lord.cutting import cut, of_layers


@pytest.fixture
def start():
    model = GPT(GPTConfig(vocabulary=19, context=8, layers=2, heads=2, width=16)).eval()
    corpus = SimpleNamespace(train=torch.randint(1, 19, (500,)), val=torch.randint(1, 19, (200,)))
    return LanguageStart(model, corpus, SimpleNamespace(facts={}), 8, [], [])


def test_at_least_so_many_are_cut(start):
    small, ranks = cut(start, 20.0, 1, 160, seed=0)
    total = costs.parameters(start.model)
    left = costs.parameters(small)
    assert left == accounting.parameters(start.model.config, ranks) <= 0.8 * total
    more = {kind: rank + 1 for kind, rank in ranks.items()}
    assert accounting.parameters(start.model.config, more) > 0.8 * total
    assert costs.parameters(start.model) == total
    assert start.perplexity(small, 80) != start.perplexity(start.model, 80)


def test_nothing_cut_is_a_copy(start):
    whole, ranks = cut(start, 0.0, 1, 160, seed=0)
    assert ranks == {}
    assert whole is not start.model
    assert start.perplexity(whole, 80) == start.perplexity(start.model, 80)


def test_more_than_the_mlps_have(start):
    with pytest.raises(InvalidInputError, match="cannot be met by mlp"):
        cut(start, 95.0, 4, 160, seed=0)


@pytest.mark.parametrize("per_cent", [-5.0, 100.0])
def test_a_part_that_cannot_be_cut(start, per_cent):
    with pytest.raises(InvalidInputError, match=r"task\.cut=.*allowed: 0 to below 100"):
        cut(start, per_cent, 4, 160, seed=0)


def test_a_grid_below_one(start):
    with pytest.raises(InvalidInputError, match="grid=0"):
        cut(start, 20.0, 0, 160, seed=0)


def test_ranks_of_layers():
    names = ["h.0.mlp.c_fc", "h.0.attn.c_proj", "h.0.mlp.c_proj"]
    assert of_layers({"mlp.c_proj": 3}, names) == {"h.0.mlp.c_proj": 3}
