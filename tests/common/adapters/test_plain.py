"""The plumbing, with the toy: on plain modules."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.adapters.plain import adapt, merge, remove
from common.adapters.sites import site
from common.errors import InvalidInputError
from tests.adapters.models import Net, Wrapped, stir
from tests.adapters.plain_contract import PlainContract
from tests.adapters.toy import ToyMethod


class TestToy(PlainContract):
    method = ToyMethod(rank=2)

    def numbers(self, shape):
        rest = torch.Size(shape[1:]).numel()
        return 2 * (shape[0] + rest)


def test_layers_that_no_adapter_fits():
    with pytest.raises(InvalidInputError, match="norm is a LayerNorm, which no adapter fits"):
        site("norm", nn.LayerNorm(4))
    with pytest.raises(InvalidInputError, match=r"rows to max_norm=1\.0"):
        site("words", nn.Embedding(4, 2, max_norm=1.0))
    with pytest.raises(InvalidInputError, match="has no layer for the toy"):
        adapt(nn.Sequential(nn.ReLU()), ToyMethod())
    with pytest.raises(InvalidInputError, match=r"dropout=1\.0"):
        adapt(Net(), ToyMethod(), dropout=1.0)
    with pytest.raises(InvalidInputError, match="no adapters; call adapt first"):
        merge(Net())


def test_attention_that_reads_weights_meets_the_changed_ones():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(2, 5, 8)
    stir(adapt(attention, ToyMethod(), include=["out_proj"]).values())
    expected, _ = attention.eval()(x, x, x)
    merge(attention)
    with torch.no_grad():
        again, _ = attention(x, x, x)
    torch.testing.assert_close(again, expected)
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    plain = encoder(x)
    stir(adapt(encoder, ToyMethod(), include=["linear1", "linear2"]).values())
    with torch.no_grad():
        fast = encoder(x)
    torch.testing.assert_close(fast, encoder(x))
    assert not torch.allclose(fast, plain)


def test_a_copy_and_another_dtype_are_independent():
    torch.manual_seed(0)
    model, x = Net(), torch.randn(3, 6)
    stir(adapt(model, ToyMethod(), include=["first"]).values())
    other = copy.deepcopy(model).double()
    torch.testing.assert_close(other(x.double()), model(x).double(), rtol=1e-5, atol=1e-5)
    stir([other.first.adapter], seed=3)
    assert not torch.allclose(other(x.double()).float(), model(x))


def test_every_layer_of_a_name_pattern():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    assert list(adapt(model, ToyMethod(), exclude=["2"])) == ["0"]
    remove(model)
    assert list(adapt(model, ToyMethod())) == ["0", "2"]


def test_merging_needs_no_second_matrix():
    model = Wrapped(nn.Linear(512, 512))
    (adapter,) = adapt(model, ToyMethod()).values()
    stir([adapter])
    pointer = model.layer.base_layer.weight.data_ptr()
    with torch.profiler.profile(profile_memory=True) as profile:
        merge(model)
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert largest < 512 * 512 * 4 / 8
    assert model.layer.base_layer.weight.data_ptr() == pointer
