"""What every method must pass on a plain module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.adapters.plain import (
    SETTINGS,
    AdaptedLayer,
    adapt,
    adapter_state,
    load_adapter_state,
    merge,
    remove,
    unmerge,
)
from common.errors import InvalidInputError
from tests.adapters.models import Net, Wrapped, fitting, layer_of_each_kind, stir


class PlainContract:
    """Derive, name the method, and count its numbers."""

    method: object
    starts_at_zero = True

    def numbers(self, shape: tuple[int, ...]) -> int:
        """Trainable numbers beside a weight of this shape."""
        raise NotImplementedError

    def made(self, kind: str, dtype: torch.dtype = torch.float32):
        layer, x = layer_of_each_kind()[kind]
        model = Wrapped(layer).to(dtype)
        return model, x.to(dtype) if x.is_floating_point() else x

    def pytest_generate_tests(self, metafunc):
        """Each layer for which the method is defined."""
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", fitting(self.method.kinds))

    def test_the_model_is_unchanged_at_the_start(self, kind):
        model, x = self.made(kind)
        before = model(x)
        adapt(model, self.method)
        after = model(x)
        if self.starts_at_zero:
            torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)

    def test_the_side_path_is_the_changed_weight(self, kind):
        model, x = self.made(kind, torch.float64)
        (adapter,) = adapt(model, self.method).values()
        adapter.double()
        stir([adapter])
        site = model.layer.site
        weight = site.weight + adapter.change().view(site.shape)
        expected = site.apply(x, weight, getattr(site.layer, "bias", None))
        torch.testing.assert_close(model(x), expected, rtol=1e-9, atol=1e-9)
        side = site.layer(x) + adapter.side(x, site)
        torch.testing.assert_close(side, expected, rtol=1e-9, atol=1e-9)
        read = model.layer.weight
        torch.testing.assert_close(read if read.shape == weight.shape else read.mT, weight)

    def test_merged_is_adapted_and_unmerged_is_restored(self, kind):
        model, x = self.made(kind)
        weight = model.layer.weight.detach().clone()
        stir(adapt(model, self.method).values())
        expected = model.eval()(x)
        merge(model)
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
        unmerge(model)
        torch.testing.assert_close(model.layer.base_layer.weight, weight, rtol=1e-6, atol=1e-6)
        merge(model)
        merged = remove(model)
        assert type(merged.layer) is type(layer_of_each_kind()[kind][0])
        torch.testing.assert_close(merged(x), expected, rtol=1e-5, atol=1e-5)

    def test_removed_is_the_base_bit_for_bit(self, kind):
        model, _ = self.made(kind)
        before = copy.deepcopy(model.state_dict())
        stir(adapt(model, self.method).values())
        remove(model)
        after = model.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_numbers_and_gradients(self, kind):
        model, x = self.made(kind)
        adapters = adapt(model, self.method)
        stir(adapters.values())
        shape = model.layer.site.shape
        trained = [p for p in model.parameters() if p.requires_grad]
        assert sum(p.numel() for p in trained) == self.numbers(shape)
        model(x).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained)
        assert model.layer.base_layer.weight.grad is None

    def test_a_base_in_half_precision(self, kind):
        model, x = self.made(kind, torch.bfloat16)
        (adapter,) = adapt(model, self.method).values()
        stir([adapter])
        assert model(x).dtype == torch.bfloat16
        assert all(p.dtype == torch.float32 for p in adapter.parameters())
        site = model.layer.site
        exact = (site.weight.float().view(site.matrix_shape) + adapter.change()).bfloat16()
        merge(model)
        assert torch.equal(model.layer.site.weight.reshape(site.matrix_shape), exact)

    def test_saved_and_loaded(self):
        torch.manual_seed(0)
        model, x = Net(), torch.randn(4, 6)
        other = copy.deepcopy(model)
        stir(adapt(model, self.method, include=["first", "second"]).values())
        stir(adapt(other, self.method, include=["first", "second"]).values(), seed=2)
        state = adapter_state(model)
        assert all(".adapter." in key for key in state.keys() - {SETTINGS})
        storages = [value.untyped_storage().data_ptr() for value in state.values()]
        assert len(set(storages)) == len(storages)  # as safetensors demands
        load_adapter_state(other, state)
        assert torch.equal(other(x), model(x))
        with pytest.raises(InvalidInputError, match="of another method or of other layers"):
            load_adapter_state(other, {})
        with pytest.raises(InvalidInputError, match="were made by another; this model's by"):
            load_adapter_state(other, state | {SETTINGS: torch.tensor(list(b"another"))})
        merge(other)
        with pytest.raises(InvalidInputError, match="merged: unmerge it before"):
            load_adapter_state(other, state)
        unmerge(other)
        key = next(iter(state))
        with pytest.raises(InvalidInputError, match="has shape"):
            load_adapter_state(other, state | {key: torch.zeros(1, 2, 3)})

    def test_a_weight_that_is_not_contiguous(self):
        torch.manual_seed(0)
        layer = nn.Linear(6, 8)
        layer.weight = nn.Parameter(torch.randn(6, 8).mT)
        model, x = Wrapped(layer), torch.randn(3, 6)
        stir(adapt(model, self.method).values())
        expected = model.eval()(x)
        merge(model)
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)

    def test_a_layer_with_zero_rows_and_columns(self):
        torch.manual_seed(0)
        model, x = Wrapped(nn.Linear(6, 8)), torch.randn(3, 6)
        with torch.no_grad():
            model.layer.weight[2] = 0
            model.layer.weight[:, 0] = 0
        before = model(x)
        (adapter,) = adapt(model, self.method).values()
        if self.starts_at_zero:
            torch.testing.assert_close(model(x), before)
        stir([adapter])
        assert model(x).isfinite().all()

    def test_trained_in_the_middle_of_a_checkpoint(self):
        torch.manual_seed(0)
        model, x = Net(), torch.randn(4, 6)
        adapters = adapt(model, self.method, include=["first", "second"])
        stir(adapters.values())
        model(x).sum().backward()
        plain = [p.grad.clone() for p in model.parameters() if p.requires_grad]
        model.zero_grad()
        torch.utils.checkpoint.checkpoint(model, x, use_reentrant=False).sum().backward()
        again = [p.grad for p in model.parameters() if p.requires_grad]
        torch.testing.assert_close(again, plain)

    def test_dropout_is_on_the_side_path_alone(self):
        torch.manual_seed(0)
        model, x = Net(), torch.randn(4, 6)
        stir(adapt(model, self.method, include=["first"], dropout=0.5).values())
        layer = model.first
        assert not torch.equal(layer(x), layer(x))
        torch.manual_seed(1)
        found = layer(x)
        torch.manual_seed(1)
        expected = layer.base_layer(x) + layer.adapter.side(layer.dropout(x), layer.site)
        torch.testing.assert_close(found, expected)
        assert torch.equal(model.eval()(x), model(x))

    def test_mistakes_are_told(self):
        with pytest.raises(InvalidInputError, match="No layer is called"):
            adapt(Net(), self.method, include=["third"])
        tied = Net()
        tied.head = nn.Linear(8, 8)
        tied.head.weight = tied.second.weight
        with pytest.raises(InvalidInputError, match="shares its weight with"):
            adapt(tied, self.method, include=["second"])
        whole = Wrapped(nn.Linear(6, 8))
        whole.layer.weight = nn.Parameter(torch.ones(8, 6, dtype=torch.int8), requires_grad=False)
        with pytest.raises(InvalidInputError, match=r"torch\.int8"):
            adapt(whole, self.method)
        model = Net()
        adapters = adapt(model, self.method, include=["first"])
        with pytest.raises(InvalidInputError, match="adapted already"):
            adapt(model, self.method, include=["second"])
        merge(model)
        with pytest.raises(InvalidInputError, match="merged already"):
            merge(model)
        with pytest.raises(InvalidInputError, match="training step would not reach"):
            model.train()(torch.randn(2, 6))
        unmerge(model)
        stir(adapters.values(), size=float("inf"))
        with pytest.raises(InvalidInputError, match=r"not finite, or too large for torch\.float32"):
            merge(model)
        assert model.first.base_layer.weight.isfinite().all()

    def test_a_mistake_leaves_the_model_as_it_was(self):
        model = Net()
        names = [name for name, _ in model.named_modules()]
        model.second.weight = nn.Parameter(torch.ones(8, 8, dtype=torch.int8), requires_grad=False)
        with pytest.raises(InvalidInputError):
            adapt(model, self.method)
        assert [name for name, _ in model.named_modules()] == names
        assert all(p.requires_grad for p in model.first.parameters())
        assert not any(isinstance(m, AdaptedLayer) for m in model.modules())
