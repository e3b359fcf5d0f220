"""The plumbing, with the toy: on plain modules."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.adapters.plain import (
    adapt,
    adapter_state,
    load_adapter_state,
    merge,
    remove,
    unmerge,
)
from common.adapters.sites import kind_of, site
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


def test_a_convolution_whose_channels_lie_last_is_merged():
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 8, 3).to(memory_format=torch.channels_last)
    model, x = Wrapped(layer), torch.randn(2, 6, 5, 5)
    before = layer.weight.detach().clone()
    stir(adapt(model, ToyMethod()).values())
    expected = model(x)
    merge(model)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), expected)
    unmerge(model)
    torch.testing.assert_close(layer.weight, before)


def test_a_change_that_half_precision_cannot_hold_is_refused():
    model = Wrapped(nn.Linear(8, 6).half())
    stir(adapt(model, ToyMethod()).values(), size=1e3)
    with pytest.raises(InvalidInputError, match=r"too large for torch\.float16"):
        merge(model)
    assert model.layer.base_layer.weight.isfinite().all()


class _Merging(ToyMethod):
    """The toy, which always forms the weight."""

    def build(self, site, shared, index):
        adapter = super().build(site, shared, index)
        adapter.prefers_merged = lambda x, place: True
        return adapter


def test_a_layer_with_hooks_or_a_weight_that_is_trained_is_called():
    torch.manual_seed(0)
    model, x = Wrapped(nn.Linear(6, 8)), torch.randn(4, 6)
    stir(adapt(model, _Merging()).values())
    expected, seen = model(x), []
    base = model.layer.base_layer
    handle = base.register_forward_hook(lambda *_: seen.append(1))
    torch.testing.assert_close(model(x), expected)
    assert seen == [1]
    handle.remove()
    base.weight.requires_grad_(True)
    model(x).sum().backward()
    assert base.weight.grad is not None


def test_subclasses_are_passed_over_unless_they_are_named():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    model = nn.Sequential(nn.Linear(4, 4), Doubled(4, 4))
    assert list(adapt(model, ToyMethod())) == ["0"]
    remove(model)
    with pytest.raises(InvalidInputError, match="1 is a Doubled, which no adapter fits"):
        adapt(model, ToyMethod(), include=["0", "1"])


def test_an_adapter_is_in_the_mode_of_its_layer():
    model = Net().eval()
    adapt(model, ToyMethod(), include=["first"], dropout=0.5)
    assert not model.first.training
    assert not model.first.dropout.training


def test_another_conv1d_is_no_linear_layer():
    class Conv1D(nn.Conv1d):
        pass

    assert kind_of(Conv1D(2, 2, 1)) is None


def test_reading_what_an_adapter_refuses_changes_nothing():
    torch.manual_seed(0)
    model = Net()
    adapters = adapt(model, ToyMethod(), include=["first", "second"])
    stir(adapters.values())
    before = {key: value.clone() for key, value in adapter_state(model).items()}

    refused = ["the weight is another"]

    def refuse(module, state, prefix, *rest):
        rest[-1].extend(refused)
        refused.clear()

    adapters["second"].register_load_state_dict_pre_hook(refuse)
    with pytest.raises(InvalidInputError, match="do not fit this model"):
        load_adapter_state(model, {k: v + (v.dtype != torch.uint8) for k, v in before.items()})
    after = adapter_state(model)
    assert all(torch.equal(after[key], before[key]) for key in before)
