"""Parameters in closed form against models that exist, and against the published sizes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from common.compression import costs, layers
from common.compression.factorised import LowRankLinear
from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from papers.lord import accounting
from papers.lord.accounting import MLP, STARCODER, break_even_rank, nearest, rank_reduction, saves

SMALL = GPTConfig(vocabulary=30, context=10, layers=3, heads=4, width=16)


@pytest.mark.parametrize("changes", [{}, {"bias": False}, {"fused_qkv": False}, {"kv_heads": 1}])
def test_dense_and_in_factors(changes):
    config = replace(SMALL, **changes)
    model = GPT(config)
    assert accounting.parameters(config) == costs.parameters(model)
    blocks = [{"mlp.c_fc": 5}, {}, {"attn.c_proj": 0, "mlp.c_proj": 7}]
    for number, ranks in enumerate(blocks):
        for kind, rank in ranks.items():
            name = f"transformer.h.{number}.{kind}"
            out, inputs = model.get_submodule(name).weight.shape
            assert (out, inputs) == accounting.shapes(config)[kind]
            layer = LowRankLinear(torch.ones(rank, inputs), torch.ones(out, rank), torch.ones(out))
            layers.replace(model, name, layer)
    assert accounting.parameters(config, blocks) == costs.parameters(model)


def test_starcoder_as_published():
    def billions(ranks):
        return round(accounting.parameters(STARCODER, ranks) / 1e9, 2)

    assert round(accounting.parameters(STARCODER) / 1e9, 3) == 15.517
    sizes = {4224: 13.82, 3968: 13.19, 3712: 12.56, 3584: 12.25}
    assert {rank: billions(dict.fromkeys(MLP, rank)) for rank in sizes} == sizes
    mixed = [dict.fromkeys(MLP, 3584)] * 33 + [dict.fromkeys(MLP, 3712)] * 7
    assert billions(mixed) == 12.30
    assert accounting.shapes(STARCODER)["attn.c_attn"] == (6144 + 2 * 128, 6144)


def test_break_even_is_half_the_width_and_four_fifths_of_it():
    for d in (16, 192, 6144):
        assert break_even_rank((d, d)) == Fraction(d, 2)
        assert break_even_rank((4 * d, d)) == break_even_rank((d, 4 * d)) == Fraction(4 * d, 5)
        assert saves((d, d), d // 2 - 1)
        assert not saves((d, d), d // 2)  # as many weights: nothing is saved


def test_a_rank_reduction_is_no_reduction_of_parameters():
    assert rank_reduction((24_576, 6144), 3712) == pytest.approx(39.5833, abs=1e-4)
    # The headline cut in a square matrix would cost more than the matrix.
    assert accounting.layer_parameters((6144, 6144), 3712, True) > 6144**2
    assert accounting.layer_parameters((24_576, 6144), 3712, True) < 24_576 * 6144


def test_the_rank_nearest_to_a_cut():
    config = GPTConfig(heads=3)
    total = accounting.parameters(config)
    for part, grid in ((0.852, 4), (0.794, 4), (0.852, 16), (0.794, 16)):
        ranks = nearest(config, MLP, part, grid)
        (rank,) = set(ranks.values())
        assert rank % grid == 0

        def off(rank, part=part):
            return abs(accounting.parameters(config, dict.fromkeys(MLP, rank)) - part * total)

        assert off(rank) <= min(off(rank - grid), off(rank + grid))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match=r"No layer mlp\.up; there are: attn\.c_attn"):
        accounting.parameters(SMALL, {"mlp.up": 3})
    with pytest.raises(InvalidInputError, match=r"rank=17 of mlp\.c_fc; allowed: 0 to 16"):
        accounting.parameters(SMALL, {"mlp.c_fc": 17})
    with pytest.raises(InvalidInputError, match="Ranks of 2 blocks; the model has 3"):
        accounting.parameters(SMALL, [{}, {}])
    with pytest.raises(InvalidInputError, match=r"0\.2 of the parameters cannot be met"):
        nearest(SMALL, MLP, 0.2, 4)
