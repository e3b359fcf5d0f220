from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.data.blocks import block_rng, generate_blocks
from common.data.draws import uniform_integers
from common.errors import UserError


def make(block: int) -> dict[str, np.ndarray]:
    return {"x": block_rng(7, block).random(5)}


def test_same_blocks_with_any_number_of_workers(context):
    alone = list(generate_blocks(make, 4, context, label="x"))
    shared = list(generate_blocks(make, 4, replace(context, workers=2), label="x"))
    for one, two in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one["x"], two["x"])


def test_an_interrupted_call_goes_on_where_it_stopped(context, tmp_path):
    made = []

    def dies_at_two(block: int):
        if block == 2 and made.count(2) == 0:
            made.append(block)
            raise KeyboardInterrupt
        made.append(block)
        return make(block)

    with pytest.raises(KeyboardInterrupt):
        list(generate_blocks(dies_at_two, 4, context, label="x", scratch=tmp_path))
    blocks = list(generate_blocks(dies_at_two, 4, context, label="x", scratch=tmp_path))
    assert made == [0, 1, 2, 2, 3]
    for one, two in zip(blocks, map(make, range(4)), strict=True):
        np.testing.assert_array_equal(one["x"], two["x"])


def test_a_damaged_block_is_made_again(context, tmp_path):
    list(generate_blocks(make, 2, context, label="x", scratch=tmp_path))
    next(tmp_path.glob("*.npz")).write_bytes(b"PK")
    blocks = list(generate_blocks(make, 2, context, label="x", scratch=tmp_path))
    np.testing.assert_array_equal(blocks[0]["x"], make(0)["x"])


def raise_user_error(block: int):
    raise UserError(f"block {block} cannot be")


def test_errors_of_workers_arrive(context):
    with pytest.raises(UserError, match="cannot be"):
        list(generate_blocks(raise_user_error, 3, replace(context, workers=2), label="x"))


def test_uniform_integers_cover_the_range_evenly():
    drawn = uniform_integers(block_rng(0, 0), -2, 3, 60_000)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2, 3]
    assert np.abs(counts - 10_000).max() < 500  # 5 sigma
