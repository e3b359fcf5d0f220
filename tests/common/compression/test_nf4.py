"""NF4 against its published levels, a search over all of them, and the bytes it says it takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.costs import stored_bytes
from common.compression.decoded import Decoded
from common.compression.nf4 import NF4Weight, levels, nf4_bytes
from common.errors import InvalidInputError

# Appendix E of Dettmers et al. (2023).
PUBLISHED = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
]  # fmt: skip


def test_the_levels_are_the_published_ones():
    assert levels() == pytest.approx(PUBLISHED, abs=1e-6)


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("shape", [(3, 64), (5, 7), (64, 300), (1, 1)])
def test_every_weight_has_the_nearest_level(shape, double):
    weight = torch.randn(shape)
    coded = NF4Weight(weight, double)
    scales = coded.magnitudes().repeat_interleave(64)[: weight.numel()]
    table = scales[:, None] * torch.tensor(levels())
    nearest = (weight.flatten()[:, None] - table).abs().argmin(1)
    wanted = table.gather(1, nearest[:, None])[:, 0].reshape(shape)
    torch.testing.assert_close(coded(), wanted, rtol=0, atol=1e-6)


def test_levels_themselves_come_back_exactly():
    weight = torch.tensor(levels()).repeat(8).reshape(2, 64) * 3
    torch.testing.assert_close(NF4Weight(weight, double=False)(), weight, rtol=0, atol=0)


def test_scales_in_eight_bits_are_close():
    weight = torch.randn(200, 640)
    exact, rough = NF4Weight(weight, double=False), NF4Weight(weight)
    spread = exact.scales.max() - exact.scales.min()
    assert (exact.scales - rough.magnitudes()).abs().max() < spread / 127
    error = [(coded() - weight).square().mean().sqrt() for coded in (exact, rough)]
    assert 0.05 < error[0] < 0.1 < 0.2
    assert error[1] < 1.02 * error[0]


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("shape", [(3, 64), (5, 7), (200, 300), (1, 1)])
def test_the_bytes_are_those_that_are_stored(shape, double):
    coded = NF4Weight(torch.randn(shape), double)
    assert nf4_bytes(coded.shape.numel(), double) == stored_bytes(coded)


def test_four_and_an_eighth_bits_a_weight():
    # With scales in 8 bits 4.127 bits (section 3 of the paper), with float32 ones 4.5.
    count = 64 * 256 * 100
    assert 8 * nf4_bytes(count) / count == pytest.approx(4.127, abs=1e-3)
    assert 8 * nf4_bytes(count, double=False) / count == 4.5


def test_in_the_place_of_a_layer():
    layer = nn.Linear(64, 10).half()
    coded = Decoded(layer, NF4Weight(layer.weight))
    x = torch.randn(3, 64).half()
    assert coded(x).dtype == torch.float16
    assert (coded(x) - layer(x)).abs().max() < 0.5
    again = Decoded(layer, NF4Weight(torch.zeros(10, 64).half()))
    again.load_state_dict(coded.state_dict())
    torch.testing.assert_close(again(x), coded(x), rtol=0, atol=0)


def test_zeros_and_what_is_not_finite():
    assert not NF4Weight(torch.zeros(4, 64))().any()
    assert not NF4Weight(torch.zeros(4, 64), double=False)().any()
    with pytest.raises(InvalidInputError, match="not finite"):
        NF4Weight(torch.tensor([[float("nan")]]))
