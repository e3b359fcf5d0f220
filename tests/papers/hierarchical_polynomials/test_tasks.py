"""What the tasks compute by themselves, by values worked by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.models import Samples
from papers.hierarchical_polynomials.targets import Feature
from papers.hierarchical_polynomials.tasks.finite_dimension import Means, along, degree_two
from papers.hierarchical_polynomials.tasks.layerwise_training import least_squares
from papers.hierarchical_polynomials.tasks.sample_complexity import crossing
from tests.papers.hierarchical_polynomials.made import normal


class TestCrossing:
    def test_interpolated_in_the_logarithm(self):
        values = np.array([0.1, 0.5, 0.9])
        assert crossing([100, 200, 400], values, 0.7) == pytest.approx(200 * math.sqrt(2))
        assert crossing([100, 200, 400], values, 0.1) == pytest.approx(100)
        assert crossing([100, 200, 400], values, 0.9) == pytest.approx(400)

    def test_the_first_where_there_are_several(self):
        assert crossing([1, 2, 4, 8], np.array([0.0, 1.0, 0.0, 1.0]), 1.0) == pytest.approx(2)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ([0.5, 0.501, 0.502], "no n is enough"),
            ([0.5, 0.5, 0.5], "no n is enough"),
            ([0.9, 0.95, 0.99], "the least n is enough"),
        ],
    )
    def test_nothing_is_carried_on(self, values, said):
        with pytest.raises(InvalidInputError, match=said):
            crossing([100, 200, 400], np.array(values), 0.8)


class TestMeans:
    def test_by_hand(self):
        """Of 1, 2, 3, 6 the mean is 3, the standard error sqrt(3.5 / 4), in two blocks."""
        means = Means()
        means.add("x", torch.tensor([1.0, 2.0]), 2.5)
        means.add("x", torch.tensor([3.0, 6.0]), 2.5)
        assert means.off() == {"x": pytest.approx(0.5 / math.sqrt(3.5 / 4))}

    def test_without_a_spread(self):
        means = Means()
        means.add("right", torch.ones(4), 1.0)
        means.add("wrong", torch.ones(4), 2.0)
        assert means.off() == {"right": 0, "wrong": math.inf}


class Stop:
    def raise_if_set(self):
        """Nothing has been asked to stop."""


def context(seed=0):
    config = SimpleNamespace(seed=seed, trainer=SimpleNamespace(accelerator="cpu"))
    return SimpleNamespace(config=config, stop=Stop())


class TestDegreeTwo:
    def test_coefficients_of_a_function_that_has_them(self):
        """3 he_2(x_1) - he_2(x_3) + 2 x_1 x_2, and x_1 and 5, which are of other degrees."""

        def h(x):
            he = (x.square() - 1) / math.sqrt(2)
            return 3 * he[:, 0] - he[:, 2] + 2 * x[:, 0] * x[:, 1] + x[:, 0] + 5

        found = degree_two(context(), 3, h, 400_000)
        wanted = torch.tensor([[3.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
        assert torch.allclose(found, wanted.double(), atol=0.06)

    def test_along_by_hand(self):
        part = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
        p = Feature(2, torch.tensor([0.6, 0.8], dtype=torch.float64))
        assert along(part, p) == pytest.approx((1.8 / 5, 1.8))


def test_least_squares_finds_a_line():
    x = normal(20, 3)
    line = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.allclose(least_squares(Samples(x, x @ line), x[:2]), x[:2] @ line)
