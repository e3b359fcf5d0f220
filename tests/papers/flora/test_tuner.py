"""FLoRA as a tuner of peft."""

from __future__ import annotations

import peft
import torch
from torch import nn

from common.kernels.multilinear import multilinear_ranks
from papers.flora.models import FloraConfig
from tests.adapters.tuner_contract import TunerContract


class TestFlora(TunerContract):
    module = "papers.flora.tuner"

    def config(self, **settings):
        return FloraConfig(r=2, **settings)

    def numbers(self, shape):
        ranks = multilinear_ranks(shape, (2, 2))
        return sum(d * r for d, r in zip(shape, ranks, strict=True)) + ranks[0] * ranks[1]


def test_every_convolution_of_a_small_network():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3, groups=8, padding_mode="circular", padding=1)
    )
    x = torch.randn(2, 4, 9, 9)
    before = net(x)
    model = peft.get_peft_model(net, FloraConfig(r=4, target_modules=["0", "1"]))
    assert torch.equal(model(x), before)
    for module in model.modules():
        if hasattr(module, "dropouts"):
            nn.init.normal_(module.adapters["default"].core)
    changed = model(x)
    assert not torch.allclose(changed, before)
    merged = model.merge_and_unload()
    torch.testing.assert_close(merged(x), changed, rtol=1e-4, atol=1e-4)
