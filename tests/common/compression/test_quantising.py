"""Rounding and subvectors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from common.compression.capture import output_moments
from common.compression.rounding import round_to_nearest
from common.compression.subvectors import Layout
from common.errors import InvalidInputError


@given(
    out=st.integers(1, 9),
    rest=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    size=st.integers(1, 10),
    order=st.sampled_from(["along_out", "along_in"]),
)
def test_what_is_cut_is_put_together_again(out, rest, size, order):
    weight = torch.randn(out, *rest)
    layout = Layout(size, order)
    rows = layout.cut(weight)
    assert rows.shape == (layout.count(weight.shape), size)
    assert torch.equal(layout.join(rows, weight.shape), weight)


def test_where_subvectors_lie():
    weight = torch.arange(24.0).reshape(4, 3, 1, 2)
    assert Layout(2).cut(weight)[0].tolist() == [weight[0, 0, 0, 0], weight[1, 0, 0, 0]]
    assert Layout(2, "along_in").cut(weight)[0].tolist() == [0, 1]
    assert Layout(4, "along_in").cut(weight).shape == (8, 4)  # rows of 6, filled up to 8
    with pytest.raises(InvalidInputError, match="allowed: along_out, along_in"):
        Layout(2, "across")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounding_errs_by_half_a_step(bits):
    torch.manual_seed(0)
    matrix = torch.randn(5, 32)
    rounded = round_to_nearest(matrix, bits, group=8)
    most = 2 ** (bits - 1) - 1
    steps = (matrix.reshape(5, 4, 8).abs().amax(-1) / most).repeat_interleave(8, 1)
    assert bool(((rounded.weight - matrix).abs() <= 0.501 * steps + 1e-3 * steps * most).all())
    assert rounded.bits == 160 * bits + 20 * 16


def test_outliers_are_kept_and_leave_the_scale_to_the_others():
    torch.manual_seed(0)
    matrix = torch.randn(4, 50)
    matrix[1, 3] = 1000
    plain = (round_to_nearest(matrix, 4).weight - matrix).abs()
    apart = round_to_nearest(matrix, 4, outliers=0.01)
    error = (apart.weight - matrix).abs()
    assert float(error[1].max()) < 0.1 * float(plain[1].max())
    assert float(error[1, 3]) == 0
    assert apart.bits == 200 * 4 + 4 * 16 + 2 * (16 + 8)


def test_zeros_stay_zeros():
    assert not round_to_nearest(torch.zeros(2, 4), 4).weight.any()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"bits": 1}, "bits=1"), ({"bits": 4, "group": 3}, "does not divide"),
     ({"bits": 4, "outliers": 1.0}, "outliers=1")],
)  # fmt: skip
def test_rounding_out_of_range(options, said):
    with pytest.raises(InvalidInputError, match=said):
        round_to_nearest(torch.ones(2, 4), **options)


def test_moments_of_outputs_in_one_pass():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4))
    layers = {"0": model[0], "2": model[2]}
    batches = [torch.randn(6, 2, 4, 4) for _ in range(3)]
    found = output_moments(model, layers, batches)
    outputs = model[0](torch.cat(batches)).detach()
    assert found["0"].count == outputs.numel() / 3
    rows = outputs.movedim(1, -1).flatten(0, 2).double()
    torch.testing.assert_close(found["0"].mean, rows.mean(0), atol=1e-6, rtol=1e-5)
    assert found["2"].count == 18
    assert not model[0]._forward_hooks
    assert model.training


def test_calibration_that_reaches_nothing():
    model = nn.ModuleDict({"used": nn.Linear(2, 2), "unused": nn.Linear(2, 2)})
    model.forward = lambda x: model["used"](x)
    with pytest.raises(InvalidInputError, match="hold no batch"):
        output_moments(model, {"used": model["used"]}, [])
    with pytest.raises(InvalidInputError, match="did not reach unused"):
        output_moments(model, dict(model.items()), [torch.randn(3, 2)])
    with pytest.raises(InvalidInputError, match="not finite"):
        output_moments(model, {"used": model["used"]}, [torch.full((3, 2), float("nan"))])
