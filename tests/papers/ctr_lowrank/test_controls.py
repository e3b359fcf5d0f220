"""Controls: equal sizes, what is pruned, what rounding costs."""

from __future__ import annotations

import pytest
import torch

from common.compression.costs import parameters as counted
from common.errors import InvalidInputError
from papers.ctr_lowrank.accounting import Shape, parameters
from papers.ctr_lowrank.controls import int8_tables, magnitude_masks, remaining, small_shape
from tests.papers.ctr_lowrank.small import NUMBERS, VOCABULARIES, config, model, rows


def test_a_small_model_fills_the_budget():
    shape = Shape.of(config(), VOCABULARIES, NUMBERS)
    small = small_shape(shape, 2, 500)
    (width,) = set(small.hidden)
    assert small.dim == 2
    assert parameters(small) <= 500
    larger = small_shape(shape, 2, 10**6)
    assert larger.hidden[0] > width
    with pytest.raises(InvalidInputError, match="No dense model with dim=2"):
        small_shape(shape, 2, 50)


def test_the_largest_weights_are_kept():
    made = model()
    masks = magnitude_masks(made, 300)
    assert remaining(masks, made) == 300
    weights = torch.cat(
        [p.detach().abs().flatten() for n, p in made.named_parameters() if n in masks]
    )
    kept = torch.cat([mask.flatten() for mask in masks.values()]).bool()
    assert weights[kept].min() >= weights[~kept].max()
    for kept_parameters in (10, counted(made) + 1):
        with pytest.raises(InvalidInputError, match="kept="):
            magnitude_masks(made, kept_parameters)


def test_tables_in_eight_bits():
    made = model()
    rounded = int8_tables(made)
    ids, dense = rows()
    gap = (rounded.model(ids, dense) - made(ids, dense)).detach().abs().max()
    assert 0 < float(gap) < 0.1
    others = counted(made) - made.tables.weight.numel()
    assert rounded.bits == 53 * 6 * 8 + 53 * 16 + 32 * others
    step = made.tables.weight.detach().abs().amax(1, keepdim=True) / 127
    error = (rounded.model.tables.weight - made.tables.weight).detach().abs()
    assert (error <= 0.51 * step + 1e-6).all()
