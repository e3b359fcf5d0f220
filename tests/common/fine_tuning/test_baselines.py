"""Baselines train what they say, and start as the model they are put on."""

from __future__ import annotations

import pytest
import torch

from common.errors import InvalidInputError
from common.fine_tuning.baselines import BASELINES, Choice
from common.fine_tuning.prefix import Suffix
from common.nn.bert import BertConfig, BertEncoder

CONFIG = BertConfig(vocabulary=40, positions=16, layers=2, heads=2, width=8, mlp_width=12)
NUMBERS = {
    "head": 0,
    "full": sum(p.numel() for p in BertEncoder(CONFIG).encoder.parameters()),
    "bitfit": 2 * (4 * 8 + 12 + 8 + 2 * 8),
    "norms": 2 * 2 * 2 * 8,
    "lora": 4 * 2 * (8 + 8),
    "dora": 4 * (2 * (8 + 8) + 8),
    "vera": 4 * (2 + 8),
    "peft_randlora": 4 * 4 * (2 + 8),
    "fourier": 4 * 2,
    "ia3": 4 * 8,
}


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_numbers_and_start(name):
    torch.manual_seed(0)
    blocks = Suffix(BertEncoder(CONFIG).eval(), 2)
    hidden, mask = torch.randn(3, 5, 8), torch.ones(3, 5, dtype=torch.bool)
    before = blocks(hidden, mask)
    model = BASELINES[name](blocks, Choice(["*.query", "*.value"], 2, None, 0))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == NUMBERS[name]
    if name not in ("fourier",):  # which starts with random frequencies' amplitudes
        torch.testing.assert_close(model(hidden, mask), before, rtol=1e-5, atol=1e-5)


def test_targets_that_fit_nothing():
    blocks = Suffix(BertEncoder(CONFIG), 1)
    with pytest.raises(InvalidInputError, match=r"No linear layer is called '\*\.keys'"):
        BASELINES["lora"](blocks, Choice(["*.keys"], 2, None, 0))
