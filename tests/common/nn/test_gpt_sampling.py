"""Continuations with the past kept are those of the whole model run anew for every token."""

from __future__ import annotations

import pytest
import torch

from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from common.nn.gpt_sampling import sample


@pytest.mark.parametrize("kv_heads", [0, 1])
def test_the_likeliest_tokens(kv_heads):
    config = GPTConfig(vocabulary=23, context=12, layers=2, heads=4, width=16, kv_heads=kv_heads)
    model = GPT(config).double().eval()
    prompt = torch.randint(23, (3, 4))
    tokens = prompt
    for _ in range(8):
        tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)], 1)
    drawn = sample(model, prompt, 20)  # the positions end first
    assert torch.equal(drawn, tokens[:, 4:])
    assert torch.equal(sample(model, prompt, 3), tokens[:, 4:7])


def test_draws_follow_the_probabilities():
    model = GPT(GPTConfig(vocabulary=3, context=4, layers=1, heads=1, width=4)).eval()
    prompt = torch.zeros(4000, 2).long()
    generator = torch.Generator().manual_seed(0)
    drawn = sample(model, prompt, 1, temperature=0.05, generator=generator)
    wanted = torch.softmax(model(prompt[:1])[0, -1] / 0.05, 0)
    found = torch.bincount(drawn.flatten(), minlength=3) / 4000
    torch.testing.assert_close(found, wanted.detach(), rtol=0, atol=0.03)


def test_it_ends_when_told_to():
    model = GPT(GPTConfig(vocabulary=9, context=30, layers=1, heads=1, width=4)).eval()
    drawn = sample(model, torch.zeros(2, 3).long(), 20, finished=lambda found: found.shape[1] == 4)
    assert drawn.shape == (2, 4)


def test_what_does_not_fit_is_refused():
    model = GPT(GPTConfig(vocabulary=9, context=5, layers=1, heads=1, width=4)).eval()
    for length in (0, 5):
        with pytest.raises(InvalidInputError, match="continues 1 to 4"):
            sample(model, torch.zeros(1, length).long(), 2)
    with pytest.raises(InvalidInputError, match="temperature=-1"):
        sample(model, torch.zeros(1, 2).long(), 2, temperature=-1)
