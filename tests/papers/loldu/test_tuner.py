"""LoLDU as a tuner of peft."""

from __future__ import annotations

import peft
import pytest
import torch

from papers.loldu.models import LoLDUConfig
from tests.adapters.models import Net
from tests.adapters.tuner_contract import TunerContract


class TestLoLDU(TunerContract):
    module = "papers.loldu.tuner"

    def config(self, **settings):
        return LoLDUConfig(r=4, **settings)

    def numbers(self, shape):
        return 4


def test_an_adapter_file_is_small(tmp_path):
    torch.manual_seed(0)
    model = peft.get_peft_model(Net(), LoLDUConfig(r=4, target_modules=["first", "second"]))
    model.save_pretrained(tmp_path)
    header = 200  # bytes of safetensors' description of one tensor
    size = (tmp_path / "adapter_model.safetensors").stat().st_size
    assert size <= 2 * (4 * 4 + 4 * 8 + 32 + 3 * header)


def test_another_base_is_refused(tmp_path):
    torch.manual_seed(0)
    model = peft.get_peft_model(Net(), LoLDUConfig(r=4, target_modules=["first"]))
    model.save_pretrained(tmp_path)
    torch.manual_seed(1)
    with pytest.raises(RuntimeError, match="trained on another base weight"):
        peft.PeftModel.from_pretrained(Net(), tmp_path)
