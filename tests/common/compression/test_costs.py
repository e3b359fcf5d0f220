"""Accounting against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.batchnorm import recalibrate
from common.compression.costs import costs, macs
from common.compression.factorised import LowRankLinear
from common.compression.forms import FORMS, SPATIAL
from common.compression.layers import replace, select, tied
from common.errors import InvalidInputError


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(4 * 36, 5),
    )


def test_macs_of_each_layer():
    model, x = net(), torch.randn(2, 3, 16, 16)
    assert macs(model, x) == {
        "0": 2 * 64 * 8 * 27,
        "2.0": 2 * 36 * 4 * 72,
        "4": 2 * 144 * 5,
    }
    whole = costs(model, x)
    assert whole.parameters == 8 * 27 + 16 + 4 * 72 + 4 + 144 * 5 + 5
    assert whole.bytes == 4 * (whole.parameters + 16) + 8  # running statistics and their count
    assert whole.macs == sum(macs(model, x).values())
    assert model.training


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("stride", [1, 2])
def test_macs_of_factors_are_the_closed_form(form, stride):
    conv = nn.Conv2d(4, 6, 3, stride=stride, padding=1)
    layer = form.factorise(conv, 2)
    size = 16
    positions = (size // stride) ** 2
    assert sum(macs(layer, torch.randn(1, 4, size, size)).values()) == (
        2 * positions * form.unit_macs(conv)
    )


def test_a_low_rank_linear_layer():
    layer = LowRankLinear(torch.randn(2, 10), torch.randn(7, 2))
    assert sum(macs(layer, torch.randn(3, 10)).values()) == 3 * 2 * 17


def test_layers_are_chosen_by_type_and_name():
    model = net()
    assert list(select(model, (nn.Conv2d,))) == ["0", "2.0"]
    assert list(select(model, (nn.Conv2d, nn.Linear), exclude=["2.*"])) == ["0", "4"]
    with pytest.raises(InvalidInputError, match=r"called 'fc\*'. There are: 0, 2.0"):
        select(model, (nn.Conv2d,), include=["fc*"])


def test_a_layer_is_replaced_where_it_stands():
    model = net().eval()
    replace(model, "2.0", SPATIAL.factorise(model[2][0], 2))
    assert model[2][0].rank == 2
    assert not model[2][0].training


def test_tied_layers_are_found():
    model = nn.ModuleDict({"embedding": nn.Embedding(4, 3), "head": nn.Linear(3, 4, bias=False)})
    assert tied(model) == {}
    model["head"].weight = model["embedding"].weight
    assert tied(model) == {"embedding": ["head"], "head": ["embedding"]}


def test_recalibrated_statistics_are_the_averages():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    batches = [torch.randn(50, 3) * 2 + 5 for _ in range(4)]
    model[0].running_mean.fill_(100)
    before = model[1].weight.clone()
    assert recalibrate(model, batches) == 4
    torch.testing.assert_close(
        model[0].running_mean, torch.stack([b.mean(0) for b in batches]).mean(0)
    )
    torch.testing.assert_close(
        model[0].running_var, torch.stack([b.var(0) for b in batches]).mean(0)
    )
    assert torch.equal(model[1].weight, before)
    assert not model.training
    assert not model[0].training
    assert model[0].momentum == 0.1


def test_without_batches_the_statistics_stay():
    model = nn.Sequential(nn.BatchNorm1d(3))
    model[0].running_mean.fill_(7)
    assert recalibrate(model, []) == 0
    assert bool((model[0].running_mean == 7).all())
