"""LoRA by memory order: its formula, its side path, its start, its merge."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.adapters.plain import adapt, merge, remove
from common.errors import InvalidInputError
from papers.flora.lora_view import ViewLoRAMethod
from tests.adapters.models import Wrapped, layer_of_each_kind, stir


@pytest.mark.parametrize("kind", ["circular", "pointwise", "same", "grouped", "depthwise"])
def test_formula_side_path_and_merge(kind):
    layer, x = layer_of_each_kind()[kind]
    model = Wrapped(layer)
    before = model(x)
    (adapter,) = adapt(model, ViewLoRAMethod(rank=2, alpha=3.0)).values()
    torch.testing.assert_close(model(x), before)
    stir([adapter])
    out, inputs, side = layer.weight.shape[:3]
    assert adapter.number() == 2 * side**2 * (out + inputs)
    change = (1.5 * adapter.b @ adapter.a).reshape(layer.weight.shape)
    expected = before + model.layer.site.convolve(x, change)
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
    merge(model.eval())
    torch.testing.assert_close(remove(model)(x), expected, rtol=1e-5, atol=1e-5)


def test_taps_are_scattered():
    model = Wrapped(nn.Conv2d(4, 6, 3))
    (adapter,) = adapt(model, ViewLoRAMethod(rank=1)).values()
    stir([adapter])
    change = adapter.change().detach()
    assert torch.linalg.matrix_rank(change.double()) > 3  # of the (18, 12) product it is 3


def test_other_kernels_are_refused():
    with pytest.raises(InvalidInputError, match="is defined for square kernels"):
        adapt(nn.Sequential(nn.Conv2d(2, 2, (1, 3))), ViewLoRAMethod())
