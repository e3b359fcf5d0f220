"""The language model: GPT-2's sizes and names, causality, what splitting and sharing heads mean."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from common.compression.costs import parameters
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig, split_qkv

SMALL = GPTConfig(vocabulary=17, context=9, layers=2, heads=2, width=8)


@pytest.fixture
def tokens():
    return torch.randint(17, (3, 9))


def test_gpt2_has_124_million_parameters_under_its_names():
    with torch.device("meta"):
        model = GPT(GPTConfig(vocabulary=50_257, context=1024, layers=12, heads=12, width=768))
    assert parameters(model) == 124_439_808
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes["transformer.h.11.attn.c_attn.weight"] == (3 * 768, 768)
    assert shapes["transformer.h.0.mlp.c_fc.weight"] == (4 * 768, 768)
    assert shapes["transformer.wpe.weight"] == (1024, 768)
    assert "lm_head.weight" not in shapes  # tied


def test_the_initialisation_is_gpt2s():
    model = GPT(GPTConfig(layers=8, width=128, heads=2))
    block = model.transformer.h[3]
    assert float(block.attn.c_attn.weight.detach().std()) == pytest.approx(0.02, rel=0.03)
    for layer in (block.attn.c_proj, block.mlp.c_proj):
        assert float(layer.weight.detach().std()) == pytest.approx(0.02 / 4, rel=0.03)
    assert not block.mlp.c_fc.bias.any()


def test_a_token_sees_none_after_it(tokens):
    model = GPT(SMALL).eval()
    changed = tokens.clone()
    changed[:, 5] = (tokens[:, 5] + 1) % 17
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5], rtol=0, atol=0)
    assert (before[:, 5:] - after[:, 5:]).abs().amax(-1).min() > 0


@pytest.mark.parametrize("kv_heads", [0, 1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_split_queries_keys_and_values_compute_the_same(tokens, kv_heads, bias):
    from dataclasses import replace

    model = GPT(replace(SMALL, heads=4, kv_heads=kv_heads, bias=bias)).double().eval()
    fused, count = model(tokens), parameters(model)
    assert split_qkv(model) is model
    torch.testing.assert_close(model(tokens), fused, rtol=0, atol=1e-14)
    assert parameters(model) == count
    assert "transformer.h.1.attn.k_proj.weight" in model.state_dict()
    torch.testing.assert_close(split_qkv(model)(tokens), fused, rtol=0, atol=1e-14)


def test_attention_is_the_written_out_sum(tokens):
    from dataclasses import replace

    model = GPT(replace(SMALL, kv_heads=1)).double().eval()
    attention, x = model.transformer.h[0].attn, torch.randn(3, 9, 8).double()
    q, k, v = attention.c_attn(x).split((8, 4, 4), -1)  # two queries share a key and a value
    mixed = torch.zeros_like(x)
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        for t in range(9):
            scores = torch.einsum("bd,bsd->bs", q[:, t, part], k[:, : t + 1]) / 4**0.5
            mixed[:, t, part] = torch.einsum("bs,bsd->bd", F.softmax(scores, -1), v[:, : t + 1])
    torch.testing.assert_close(attention(x), attention.c_proj(mixed), rtol=0, atol=1e-12)


def test_the_middle_of_the_model(tokens):
    model = GPT(SMALL).eval()
    x = model.transformer.h[0](model.embed(tokens))
    torch.testing.assert_close(model.from_block(1, x), model(tokens), rtol=0, atol=0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match="heads=3 does not divide width=8"):
        GPTConfig(heads=3, width=8)
    with pytest.raises(InvalidInputError, match="kv_heads=3 does not divide heads=4"):
        GPTConfig(heads=4, width=8, kv_heads=3)
    with pytest.raises(InvalidInputError, match="10 tokens; this model has 9 positions"):
        GPT(SMALL)(torch.zeros(1, 10, dtype=torch.long))
