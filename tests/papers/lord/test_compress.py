"""LORD through the common door: budgets, the grid, layers without bias, what counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.budget import Budget
from common.compression.compress import compress
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from papers.lord.compress import OneShotLowRank
from papers.lord.models import decompositions, linear_layers


@pytest.fixture
def batches():
    return [torch.randint(1, 29, (6, 16)) for _ in range(3)]


@pytest.fixture
def model():
    return GPT(GPTConfig(vocabulary=29, context=16, layers=2, heads=2, width=16)).eval()


@pytest.mark.parametrize("budget", [Budget(parameters=0.8), Budget(macs=0.7), Budget(bytes=0.8)])
@pytest.mark.parametrize("rule", ["energy", "uniform", "global"])
def test_budgets_hold_and_the_head_stays(model, batches, budget, rule):
    small, report = compress(model, OneShotLowRank(rule=rule), budget=budget, calibration=batches)
    spent = getattr(report.compressed, budget.kind)
    assert 0.5 * getattr(report.dense, budget.kind) < spent
    assert spent <= budget.part * getattr(report.dense, budget.kind)
    assert small.lm_head.weight is small.transformer.wte.weight
    assert report.skipped["lm_head"].startswith("shares a parameter")


def test_its_layers_are_those_of_the_decomposition(model, batches):
    method = OneShotLowRank(rule="uniform", amount=0.5, grid=4)
    small, report = compress(model, method, calibration=batches, exclude=["*.attn.*"])
    assert {layer.rank for layer in report.layers} == {8}
    part = decompositions(model, linear_layers(model), batches)["transformer.h.1.mlp.c_fc"]
    x = torch.randn(3, 16)
    found = small.get_submodule("transformer.h.1.mlp.c_fc")(x)
    torch.testing.assert_close(found, part.at(8)(x), rtol=1e-5, atol=1e-6)


def test_features_leave_less_error_than_weights(model, batches):
    def worst(decomposition):
        method = OneShotLowRank(decomposition, rule="uniform", amount=0.25)
        return compress(model, method, calibration=batches[:1])[1].layers

    for ours, other in zip(worst("afm"), worst("svd"), strict=True):
        assert ours.name == other.name
        assert ours.error <= other.error


def test_a_layer_without_bias_gets_one_within_the_budget():
    model = nn.Sequential(nn.Linear(12, 20, bias=False), nn.Tanh(), nn.Linear(20, 12, bias=False))
    rows = [torch.randn(64, 12) + 2]
    small, report = compress(
        model, OneShotLowRank(), budget=Budget(parameters=0.7), calibration=rows
    )
    assert report.compressed.parameters <= 0.7 * report.dense.parameters
    assert all(small[n].bias is not None for n in (0, 2) if hasattr(small[n], "rank"))


def test_positions_that_do_not_count(model, batches):
    padded = [torch.cat([b, torch.zeros(6, 0).long()], 1).clone() for b in batches]
    for batch in padded:
        batch[:, :3] = 0
    method = OneShotLowRank(rule="uniform", amount=0.25, keep=lambda batch: batch != 0)
    small, _ = compress(model, method, calibration=padded)
    found = decompositions(model, linear_layers(model), padded, keep=lambda batch: batch != 0)
    name = "transformer.h.0.attn.c_proj"
    torch.testing.assert_close(small.get_submodule(name).second, found[name].at(4).second)


def test_settings_out_of_range():
    with pytest.raises(InvalidInputError, match="grid=0"):
        OneShotLowRank(grid=0)
