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
    shares = True

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


@pytest.mark.parametrize(
    ("rows", "columns", "rank", "sparse"),
    [(8, 6, 2, False), (6, 8, 2, False), (9, 9, 4, False), (12, 8, 4, True)],
)
def test_the_update_is_that_of_peft(rows, columns, rank, sparse):
    """On peft's buffers and parameters, its columns and rows paired as the paper pairs them."""
    torch.manual_seed(0)
    theirs, ours = (torch.nn.Sequential(torch.nn.Linear(columns, rows)) for _ in range(2))
    config = peft.RandLoraConfig(r=rank, randlora_alpha=6, target_modules=["0"], sparse=sparse)
    layer = peft.get_peft_model(theirs, config).base_model.model[0]
    lam, gam = layer.randlora_lambda["default"], layer.randlora_gamma["default"]
    torch.nn.init.normal_(lam)
    torch.nn.init.normal_(gam)
    model = peft.get_peft_model(ours, RandLoraConfig(r=rank, alpha=6.0, target_modules=["0"]))
    adapter = model.base_model.model[0].adapters["default"]
    number = lam.shape[1]
    assert adapter.number() == lam.numel() + gam.numel() == number * (rank + min(rows, columns))
    # peft multiplies column (j, k) of B, flat, with row (k', j') of U, flat, at the same place.
    long = layer.randlora_B["default"].flatten(1).view(-1, rank, number).transpose(1, 2)
    adapter.bases.long.copy_(long)
    adapter.bases.short.copy_(layer.randlora_A["default"].permute(1, 0, 2))
    with torch.no_grad():
        adapter.lam.copy_(lam.mT)
        adapter.gam.copy_(gam)
    expected = layer.get_delta_weight("default")
    assert (adapter.change() - expected).abs().max() <= 1e-6 * expected.abs().max().clamp(min=1)
