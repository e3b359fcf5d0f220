"""Rank rules on spectra whose ranks are known."""

from __future__ import annotations

import pytest
import torch

from common.compression import ranks
from common.compression.ranks import Candidate
from common.errors import InvalidInputError


@pytest.mark.parametrize(
    ("left_out", "rank"), [(0.0, 4), (0.05, 4), (0.1, 3), (0.2, 2), (0.39, 2), (0.4, 1), (0.9, 1)]
)
def test_energy_counts_squares_and_ties_as_left_out(left_out, rank):
    singular_values = torch.tensor([6.0, 2.0, 1.0, 1.0]).sqrt()
    assert ranks.by_energy(singular_values.double(), left_out) == rank


def test_a_zero_matrix_has_rank_zero():
    assert ranks.by_energy(torch.zeros(3), 0.1) == 0


def test_energy_out_of_range():
    with pytest.raises(InvalidInputError, match="left_out=1"):
        ranks.by_energy(torch.ones(3), 1)


def test_value_fraction_and_grid():
    assert ranks.by_value(torch.tensor([3.0, 1.0, 0.05, 0.01]), 0.05) == 3
    assert ranks.by_fraction(0.5, 7) == 4
    assert ranks.by_fraction(0.01, 7) == 1
    with pytest.raises(InvalidInputError, match="above 0"):
        ranks.by_fraction(0, 7)
    assert [ranks.to_grid(r, 4, 18) for r in (1, 5, 6, 7, 18)] == [4, 4, 8, 8, 16]
    assert ranks.to_grid(2, 32, 18) == 18


@pytest.mark.parametrize(("out", "inputs"), [(10, 10), (10, 40), (3, 2)])
def test_break_even(out, inputs):
    rank = ranks.break_even(out + inputs, out * inputs)
    assert rank * (out + inputs) < out * inputs <= (rank + 1) * (out + inputs)


def test_a_budget_keeps_the_most_valuable_components():
    layers = {
        "a": Candidate([9.0, 4.0, 1.0, 0.1], unit=10, dense=100),
        "b": Candidate([5.0, 3.0, 2.0], unit=10, dense=25),
    }
    assert ranks.by_budget(layers, 30) == {"a": 2, "b": 1}
    assert ranks.by_budget(layers, 20) == {"a": 1, "b": 1}
    # Two ranks of b cost 20; three would cost more than the layer, which then stays whole.
    assert ranks.by_budget(layers, 45) == {"a": 2, "b": 3}
    assert ranks.by_budget(layers, 1000) == {"a": 4, "b": 3}
    with pytest.raises(InvalidInputError, match="rank 1 in every layer costs 20"):
        ranks.by_budget(layers, 19)
