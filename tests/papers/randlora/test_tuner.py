"""RandLoRA as a tuner of peft, and against peft's own."""

from __future__ import annotations

import math

import peft
import pytest
import torch

from papers.randlora.models import RandLoraConfig
from papers.randlora.tuner import RandLoraLayer
from tests.adapters.models import Net
from tests.adapters.tuner_contract import TunerContract


class TestRandLora(TunerContract):
    module = "papers.randlora.tuner"

    def config(self, **settings):
        return RandLoraConfig(r=2, alpha=4.0, **settings)

    def numbers(self, shape):
        return math.ceil(min(shape) / 2) * (2 + min(shape))


def test_bases_are_shared_by_the_layers():
    model = peft.get_peft_model(Net(), RandLoraConfig(r=2, target_modules=["first", "second"]))
    found = [m.adapters["default"] for m in model.modules() if isinstance(m, RandLoraLayer)]
    assert len(found) == 2
    assert len({a.bases.long.data_ptr() for a in found}) == 1


@pytest.mark.parametrize("saved", [False, True])
def test_a_file_with_and_without_bases(tmp_path, saved):
    from safetensors.torch import load_file

    torch.manual_seed(0)
    base = Net()
    before = {k: v.clone() for k, v in base.state_dict().items()}
    config = RandLoraConfig(r=2, target_modules=["first", "second"], save_bases=saved)
    model = peft.get_peft_model(base, config)
    for module in model.modules():
        if isinstance(module, RandLoraLayer):
            torch.nn.init.normal_(module.adapters["default"].lam)
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "adapter_model.safetensors")
    assert sum("bases" in key for key in state) == (2 if saved else 0)
    other = Net()
    other.load_state_dict(before)
    x = torch.randn(3, 6)
    assert torch.equal(peft.PeftModel.from_pretrained(other, tmp_path)(x), model(x))
