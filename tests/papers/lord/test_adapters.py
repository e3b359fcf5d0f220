"""Adapters on factors, their memory to the byte, and rounding on top of factors."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.compression import costs
from common.compression.rounding import round_to_nearest
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from common.trainers.language_model import Recipe, train
from papers.lord.accounting import MLP, STARCODER
from papers.lord.adapters import Adapted, adapted, as_two_layers, with_two_layers
from papers.lord.cutting import of_layers
from papers.lord.memory import qlora
from papers.lord.models import decompositions, linear_layers, low_rank
from papers.lord.quantised import quantised
from papers.lord.tasks.adapters import held_bytes

CONFIG = GPTConfig(vocabulary=23, context=8, layers=2, heads=2, width=16)
RANKS = dict.fromkeys(MLP, 5)
RECIPE = Recipe(steps=6, batch_size=4, context=8, lr=0.02, warmup=0, weight_decay=0.0)


@pytest.fixture
def tokens():
    return torch.randint(23, (6, 8))


@pytest.fixture
def small(tokens):
    model = GPT(CONFIG).eval()
    targets = linear_layers(model)
    return low_rank(model, decompositions(model, targets, [tokens]), of_layers(RANKS, targets))


def test_two_ordinary_layers_compute_the_same(small, tokens):
    before = small(tokens)
    layer = small.get_submodule("transformer.h.1.mlp.c_fc")
    pair = as_two_layers(layer)
    assert [tuple(p.shape) for p in pair.parameters()] == [(5, 16), (64, 5), (64,)]
    assert with_two_layers(small) is small
    torch.testing.assert_close(small(tokens), before)
    assert len(linear_layers(small)) == 2 * (2 + 2 * 2)


@pytest.mark.parametrize("quantise", [False, True])
def test_adapters_start_at_nothing_and_only_they_learn(small, tokens, quantise):
    whole = small(tokens)
    model = adapted(small, 3, 6.0, quantised=quantise)
    if not quantise:
        torch.testing.assert_close(model(tokens), whole)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.endswith(("lora_A", "lora_B")) for name in trained)
    assert len(trained) == 2 * 2 * (2 + 2 * 2)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    train(model, (torch.arange(200) % 5).int(), RECIPE)
    changed = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == trained


def test_the_side_path_is_the_product():
    layer = nn.Linear(7, 5)
    one = Adapted(copy.deepcopy(layer), 2, 6.0, torch.Generator().manual_seed(0))
    nn.init.normal_(one.lora_B)
    x = torch.randn(4, 7)
    merged = layer.weight + 3.0 * one.lora_B @ one.lora_A
    torch.testing.assert_close(one(x), torch.nn.functional.linear(x, merged, layer.bias))
    assert float(one.lora_A.detach().abs().max()) <= 7**-0.5
    same = Adapted(copy.deepcopy(layer), 2, 6.0, torch.Generator().manual_seed(0))
    assert torch.equal(one.lora_A, same.lora_A)
    with pytest.raises(InvalidInputError, match="rank=0 of an adapter"):
        Adapted(layer, 0, 1.0)


def test_adapters_on_half_precision_are_float32():
    one = Adapted(nn.Linear(6, 4).bfloat16(), 2, 4.0)
    nn.init.normal_(one.lora_B)
    assert one.lora_A.dtype == torch.float32
    assert one(torch.randn(3, 6).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("ranks", [None, RANKS])
def test_the_memory_model_is_exact(small, ranks):
    model = small if ranks else GPT(CONFIG)
    held = held_bytes(adapted(model, 3, 6.0, quantised=True), RECIPE)
    found = qlora(CONFIG, ranks, 3)
    assert found.total == held
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert (found.adapters, found.gradients, found.optimiser) == (
        4 * trained, 4 * trained, 8 * trained,
    )  # fmt: skip


def test_memory_of_starcoder():
    whole = qlora(STARCODER, None, 8, other_bytes=2)
    assert whole.base / 1e9 == pytest.approx((15.517 - 0.353) * 4.127 / 8 + 0.353 * 2, rel=1e-3)
    cut = qlora(STARCODER, dict.fromkeys(MLP, 3584), 8, other_bytes=2)
    assert cut.base < whole.base
    assert cut.adapters > whole.adapters  # each factor has its own


def test_rounding_takes_each_factor_by_itself(small, tokens):
    found = quantised(small, 4, group=0, outliers=0.1)
    layer = small.get_submodule("transformer.h.0.mlp.c_proj")
    pair = found.model.get_submodule("transformer.h.0.mlp.c_proj")
    for given, factor in zip((layer.first, layer.second), (pair[0], pair[1]), strict=True):
        wanted = round_to_nearest(given.detach(), 4, outliers=0.1)
        torch.testing.assert_close(factor.weight, wanted.weight, rtol=0, atol=0)
    matrices = [p for name, p in linear_layers(found.model).items()]
    wanted_bits = sum(
        round_to_nearest(original.weight.detach(), 4, outliers=0.1).bits
        for original in linear_layers(with_two_layers(copy.deepcopy(small))).values()
    )
    assert found.bits == wanted_bits
    assert len(matrices) == 2 * (2 + 2 * 2)
    assert (found.model(tokens) - small(tokens)).abs().max() > 0
    fine = quantised(small, 8).model(tokens)
    assert (fine - small(tokens)).abs().max() < (found.model(tokens) - small(tokens)).abs().max()
    assert costs.parameters(small) == costs.parameters(found.model)
