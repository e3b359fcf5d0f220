"""The search for ranks: what is computed anew, how few ranks are tried, and that they are right."""

from __future__ import annotations

import math

import pytest
import torch

from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from common.trainers.perplexity import perplexity
from papers.lord.models import decompositions, linear_layers, low_rank
from papers.lord.sensitivity import (
    Found,
    FromBlock,
    averages,
    block_of,
    by_kind,
    confirmed,
    kind_of,
    smallest_ranks,
)
from papers.lord.tables import rank_per_kind


@pytest.fixture(scope="module")
def gpt():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocabulary=19, context=8, layers=3, heads=2, width=8)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return model


@pytest.fixture(scope="module")
def stream():
    return torch.randint(19, (400,), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def parts(gpt, stream):
    return decompositions(gpt, linear_layers(gpt), [stream[:320].reshape(-1, 8)])


def test_from_a_block_on_is_the_whole_model(gpt, stream, parts):
    judge = FromBlock(gpt, stream, 200, 8, batch_size=7)
    assert judge.intact == pytest.approx(perplexity(gpt, stream, 8, tokens=200), rel=1e-6)
    for name, part in parts.items():
        whole = perplexity(low_rank(gpt, parts, {name: 2}), stream, 8, tokens=200)
        assert judge.replaced({name: part.at(2)}) == pytest.approx(whole, rel=1e-6)
        assert judge.increase({name: part.at(2)}) == pytest.approx(
            100 * (whole / judge.intact - 1), abs=1e-3
        )
    ranks = dict.fromkeys(parts, 3)
    both = judge.replaced({name: part.at(3) for name, part in parts.items()})
    assert both == pytest.approx(
        perplexity(low_rank(gpt, parts, ranks), stream, 8, tokens=200), rel=1e-6
    )
    assert judge.replaced({next(iter(parts)): next(iter(parts.values())).at(8)}) == pytest.approx(
        judge.intact, rel=1e-5
    )  # the model is as it was


def test_a_failure_leaves_the_model_as_it_was(gpt, stream):
    judge = FromBlock(gpt, stream, 80, 8)
    name = "transformer.h.0.mlp.c_fc"
    before = gpt.get_submodule(name)
    with pytest.raises(RuntimeError):
        judge.replaced({name: torch.nn.Linear(3, 4)})
    assert gpt.get_submodule(name) is before


@pytest.mark.parametrize("edge", [4, 7, 48, 97, 188, 191])
def test_bisection_finds_the_edge(edge):
    def increase(rank):
        return 100.0 * max(0, edge - rank) / 10

    found = smallest_ranks(increase, 192, 4, (1.0, 5.0, 10.0))
    for bound, one in found.items():
        wanted = next(r for r in [*range(4, 192, 4), 192] if r == 192 or increase(r) <= bound)
        assert one.rank == wanted


def test_few_ranks_are_tried_and_none_twice():
    tried = []

    def increase(rank):
        tried.append(rank)
        return 192 / rank - 1

    found = smallest_ranks(increase, 192, 4, (1.0, 5.0, 10.0))
    assert [found[b].rank for b in (1.0, 5.0, 10.0)] == [96, 32, 20]
    assert len(tried) == len(set(tried)) <= 6 + 5 + 4
    assert found[1.0].cut == 50.0


def test_a_layer_that_bears_nothing_stays_whole():
    found = smallest_ranks(lambda rank: math.inf, 10, 4, (1.0,))[1.0]
    assert (found.rank, found.cut) == (10, 0.0)
    free = smallest_ranks(lambda rank: 0.0, 10, 4, (1.0,))[1.0]
    assert (free.rank, free.cut) == (4, 60.0)
    with pytest.raises(InvalidInputError, match="grid=12; allowed: 1 to the largest rank, 10"):
        smallest_ranks(lambda rank: 0.0, 10, 12, (1.0,))


def test_a_rank_is_raised_until_more_tokens_confirm_it():
    def on_more(rank):
        return 60 / rank

    found, value = confirmed(Found(48, 192), on_more, 4, 1.0)
    assert (found.rank, value) == (60, 1.0)
    assert confirmed(Found(48, 192), lambda rank: 0.3, 4, 1.0) == (Found(48, 192), 0.3)
    assert confirmed(Found(48, 192), lambda rank: 2.0, 4, 1.0) == (Found(192, 192), 0.0)


def test_names(parts):
    assert block_of("transformer.h.2.mlp.c_proj") == 2
    kinds = by_kind(parts)
    assert {kind: len(names) for kind, names in kinds.items()} == {
        "attention_qkv": 3, "attention_out": 3, "mlp_up": 3, "mlp_down": 3,
    }  # fmt: skip
    cuts = {"transformer.h.0.mlp.c_fc": 10.0, "transformer.h.1.mlp.c_fc": 30.0}
    assert averages(cuts, kind_of) == {"mlp_up": 20.0}
    assert averages(cuts, block_of) == {"0": 10.0, "1": 30.0}


def test_one_rank_a_kind_under_a_budget(parts):
    whole = sum(part.layer.weight.numel() for part in parts.values())
    for saved in (100, whole // 3):
        ranks = rank_per_kind(parts, saved, 1)
        left = sum(
            ranks[n] * sum(p.layer.weight.shape) if n in ranks else p.layer.weight.numel()
            for n, p in parts.items()
        )
        assert left <= whole - saved
        for names in by_kind(ranks).values():
            assert len({ranks[name] for name in names}) == 1
        for name, rank in ranks.items():
            shape = parts[name].layer.weight.shape
            assert rank * sum(shape) < shape[0] * shape[1]
    with pytest.raises(InvalidInputError, match="cannot save"):
        rank_per_kind(parts, whole, 1)


def test_kinds_with_slack_are_cut_further(gpt):
    """Features in two dimensions of eight, in one kind only."""
    targets = linear_layers(gpt)
    flat = [n for n in targets if n.endswith("mlp.c_fc")]
    with torch.no_grad():
        for name in flat:
            weight = targets[name].weight
            weight.copy_(weight[:, :2] @ torch.randn(2, 8))
    found = decompositions(gpt, targets, [torch.randint(19, (80, 8))])
    ranks = rank_per_kind(found, 3 * (8 * 32 - 2 * 40), 1)  # all that rank 2 saves in them
    assert {ranks[name] for name in flat} == {2}
    assert set(ranks) == set(flat)
