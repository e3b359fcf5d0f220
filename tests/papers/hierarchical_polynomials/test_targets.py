"""Features and links against their formulas; samples of a problem."""

from __future__ import annotations

import math

import pytest
import torch

from common.errors import InvalidInputError
from papers.hierarchical_polynomials.choices import SHAPES
from papers.hierarchical_polynomials.problems import correlation
from papers.hierarchical_polynomials.targets import Feature, Link, Quadratic, feature
from tests.papers.hierarchical_polynomials.made import LINK, generator, normal, problem


class TestTargets:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_mean_0_and_variance_1(self, shape, degree):
        if shape == "quadratic" and degree != 2:
            return
        p = feature(shape, 12, degree)(torch.randn(200_000, 12, generator=generator()).double())
        assert abs(float(p.mean())) < 0.02
        assert abs(float(p.var()) - 1) < 0.06

    def test_radial_is_a_function_of_the_norm_and_balanced_is_not(self):
        x = torch.randn(50, 8, generator=generator()).double()
        turned = x @ torch.linalg.qr(torch.randn(8, 8, generator=generator()).double())[0]
        radial, balanced = feature("radial", 8, 2), feature("balanced", 8, 2)
        assert torch.allclose(radial(x), (x.square().sum(1) - 8) / 4)
        assert torch.allclose(radial(x), radial(turned))
        assert not torch.allclose(balanced(x), balanced(turned), atol=0.1)

    def test_a_quadratic_of_a_diagonal_matrix_is_a_diagonal_feature(self):
        x = torch.randn(50, 8, generator=generator()).double()
        signs = torch.tensor([1.0, -1.0] * 4).double()
        assert torch.allclose(Quadratic(torch.diag(signs))(x), feature("balanced", 8, 2)(x))

    def test_a_quadratic_is_diagonal_along_its_eigenvectors(self):
        p, x = feature("quadratic", 8, 2), normal(50, 8)
        vectors = torch.linalg.eigh((p.matrix + p.matrix.mT) / 2).eigenvectors
        assert torch.allclose(p.diagonal()(x @ vectors), p(x))
        assert abs(float(p.matrix.trace())) < 1e-12
        assert torch.equal(p.matrix, feature("quadratic", 8, 2).matrix)

    def test_two_terms_of_opposite_signs_carry_half(self):
        weights = feature("two_dominated", 16, 2).weights
        assert weights[:2].tolist() == pytest.approx([0.5, -0.5])
        assert weights[2:].tolist() == pytest.approx([1 / math.sqrt(28)] * 14)

    def test_products_take_coordinates_of_their_own(self):
        x = torch.randn(5, 7, generator=generator()).double()
        wanted = (x[:, 0] * x[:, 1] * x[:, 2] + x[:, 3] * x[:, 4] * x[:, 5]) / math.sqrt(2)
        assert torch.allclose(feature("product", 7, 3)(x), wanted)

    def test_the_link_has_the_mean_derivative_of_its_coefficient(self):
        z = torch.randn(10, generator=generator()).double().requires_grad_()
        LINK(z).sum().backward()
        assert torch.allclose(LINK(z), z + (z**2 - 1) / math.sqrt(2))
        assert torch.allclose(z.grad, 1 + math.sqrt(2) * z.detach())

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: feature("cubes", 8, 2), "allowed: balanced"),
            (lambda: feature("product", 2, 3), "d=2 is too few"),
            (lambda: feature("two_dominated", 2, 2), "allowed: 3 or more"),
            (lambda: feature("balanced", 9, 2), "d=9 for balanced; allowed: even"),
            (lambda: feature("quadratic", 8, 3), "degree=3 for quadratic"),
            (lambda: feature("radial", 8, 1.5), "degree=1.5; allowed: a whole number"),
            (lambda: Feature(0, torch.ones(1)), "degree=0"),
            (lambda: Feature(2, torch.ones(0)), "no terms"),
            (lambda: Quadratic(torch.zeros(3, 3)), "symmetric part of A is 0"),
            (lambda: Quadratic(torch.tensor([[0.0, 1.0], [-1.0, 0.0]])), "part of A is 0"),
            (lambda: Quadratic(torch.ones(2, 3)), "wanted: \\(d, d\\)"),
            (lambda: Quadratic(torch.ones(2, 2, dtype=torch.int64)), "floating point"),
            (lambda: Quadratic(torch.full((2, 2), math.nan)), "NaN or infinity in A"),
            (lambda: Link((0.0, math.nan)), "allowed: finite coefficients"),
            (lambda: Link((1.0, 0.0)), "is constant"),
            (lambda: Feature(2, torch.ones(3)), "sum to 3"),
            (lambda: feature("radial", 8, 2)(torch.zeros(3, 4)), "x has 4"),
        ],
    )
    def test_mistakes(self, make, said):
        with pytest.raises(InvalidInputError, match=said):
            make()


class TestProblem:
    def test_fewer_samples_are_the_first_of_more(self):
        target = problem()
        (few, few2), (many, many2) = target.halves(100), target.halves(400)
        assert torch.equal(few.x, many.x[:50])
        assert torch.equal(few2.y, many2.y[:50])
        assert not torch.equal(few.x, few2.x)
        assert not torch.equal(target.test(50).x, few.x)

    def test_correlation_of_a_constant(self):
        assert correlation(torch.ones(4), torch.arange(4.0)) == 0
