"""The network, and what it learns, against its formula and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from common.errors import InvalidInputError
from papers.hierarchical_polynomials import kernels
from papers.hierarchical_polynomials.closed_forms import correlation_limit
from papers.hierarchical_polynomials.models import Samples, ThreeLayerNet, activation
from papers.hierarchical_polynomials.problems import correlation
from papers.hierarchical_polynomials.targets import Link, feature
from papers.hierarchical_polynomials.training import moments_of, stage_one, stage_two, train
from tests.papers.hierarchical_polynomials.made import LINK, generator, network, problem


class TestNetwork:
    def test_as_drawn(self):
        net = network(size=50, width=4000)
        x = torch.randn(20, 50, generator=generator(3)).double()
        assert torch.allclose(net.v.norm(dim=1), torch.tensor(0.5**0.5).double())
        assert abs(float((x @ net.v.mT + net.s).var()) - 1) < 0.1
        assert set(net.a.tolist()) == {-1.0, 1.0}
        assert net.b.abs().max() <= 3
        assert torch.equal(net(x), torch.zeros(20).double())

    def test_forward_is_its_formula(self):
        net, halves = network(), problem().halves(400)
        train(net, *halves)
        x = torch.randn(7, 8, generator=generator(5)).double()
        seen = x @ net.v.mT + net.s
        learnt = (seen + (seen**2 - 1) / math.sqrt(2)) @ net.u
        z = (learnt - net.mean) / net.deviation
        wanted = learnt + torch.relu(z[:, None] * net.a + net.b) @ net.c
        assert torch.allclose(net(x), wanted)
        assert torch.allclose(net.learnt(x, block=2), learnt)

    def test_its_state_holds_all_it_says(self):
        net, halves = network(), problem().halves(400)
        train(net, *halves)
        other = network(seed=9)
        other.load_state_dict(net.state_dict())
        x = halves[0].x
        assert torch.equal(other(x), net(x))

    def test_only_u_and_c_are_trained(self):
        net, halves = network(), problem().halves(400)
        before = {name: getattr(net, name).clone() for name in ("v", "s", "a", "b")}
        train(net, *halves)
        assert [name for name, _ in net.named_parameters()] == ["u", "c"]
        assert all(torch.equal(getattr(net, name), kept) for name, kept in before.items())

    def test_stage_one_sees_the_first_half_and_is_chosen_on_the_second(self):
        net, (first, second) = network(), problem().halves(400)
        ridge = stage_one(net, moments_of(net, first), [0.1, 1.0, 10.0], second)
        moments = moments_of(net, first)
        errors = {
            xi: float((net.features(second.x) @ moments.ridge(xi) - second.y).square().mean())
            for xi in (0.1, 1.0, 10.0)
        }
        assert ridge == min(errors, key=errors.get)
        assert torch.equal(net.u, moments.ridge(ridge))

    def test_float32(self):
        halves = problem().halves(400)
        single, double = network(dtype=torch.float32), network()
        double.load_state_dict(single.state_dict())
        train(single, *halves)
        train(double, *halves)
        assert single(halves[0].x).dtype == torch.float32
        x = problem().test(500).x
        assert correlation(single.learnt(x).detach().double(), double.learnt(x).detach()) > 1 - 1e-6

    def test_mistakes(self):
        with pytest.raises(InvalidInputError, match="m2=0"):
            network(width=0)
        with pytest.raises(InvalidInputError, match="radius=2"):
            network(radius=2.0)
        with pytest.raises(InvalidInputError, match="wanted: \\(n, d\\)"):
            Samples(torch.zeros(3), torch.zeros(3))
        x, y = torch.zeros(3, 2), torch.zeros(3)
        with pytest.raises(InvalidInputError, match=r"y of torch\.int64; allowed"):
            Samples(x, y.long())
        with pytest.raises(InvalidInputError, match=r"x of torch\.int64"):
            Samples(x.long(), y)
        with pytest.raises(InvalidInputError, match=r"m2=1\.5"):
            network(width=1.5)
        with pytest.raises(InvalidInputError, match="reach=0"):
            network(reach=0.0)
        for coefficients in ("tanh", (), (0.0, math.nan)):
            with pytest.raises(InvalidInputError, match="coefficients="):
                ThreeLayerNet(4, 5, 5, coefficients, generator())
        with pytest.raises(InvalidInputError, match=r"degree=1\.5"):
            activation(1.5)
        with pytest.raises(InvalidInputError, match="NaN"):
            Samples(torch.full((3, 2), math.nan), torch.zeros(3))

    def test_a_constant_is_learnt_as_a_constant(self):
        x = torch.randn(100, 8, generator=generator()).double()
        for value in (0.0, 1.0):
            net, y = network(), torch.full((100,), value, dtype=torch.float64)
            train(net, Samples(x[:50], y[:50]), Samples(x[50:], y[50:]))
            assert (net(x) - value).abs().max() < 0.02


class TestWhatIsLearnt:
    """At a small size, what the theorems say of a large one."""

    def learnt(self, shape="balanced", samples=2048, link=LINK, degree=2, **others):
        target = problem(shape, 10, degree, link)
        net = network(10, 400, 64, **others)
        train(net, *target.halves(samples))
        test = target.test(4000)
        with torch.no_grad():
            return correlation(net.learnt(test.x), target.feature(test.x)), net

    def test_p_is_found_up_to_its_limit(self):
        found, _ = self.learnt(samples=20_000)
        limit = correlation_limit(feature("balanced", 10, 2))
        assert limit - 0.03 < found < limit + 0.02

    def test_more_samples_find_more(self):
        found = [self.learnt(samples=n)[0] for n in (200, 800, 3200)]
        assert all(a < b for a, b in pairwise(found))

    def test_nothing_where_the_mean_derivative_is_0(self):
        assert abs(self.learnt(link=Link((0.0, 0.0, 1.0)))[0]) < 0.15

    def test_nothing_without_the_top_degree(self):
        target = problem(size=10)
        net = ThreeLayerNet(10, 400, 64, (0.0, 1.0), generator())
        train(net, *target.halves(2048))
        test = target.test(4000)
        assert abs(correlation(net.learnt(test.x), target.feature(test.x))) < 0.1

    def test_relu_without_a_shift_is_blind_to_degree_3(self):
        """Its odd Hermite coefficients above the first are 0."""
        target = problem("product", 6, 3, Link((0.0, 1.0)))
        found = {}
        for shift in (True, False):
            net = ThreeLayerNet(6, 1500, 8, "relu", generator(), radius=0.9, shift=shift)
            train(net, *target.halves(8000))
            test = target.test(4000)
            found[shift] = correlation(net.learnt(test.x), target.feature(test.x))
        assert found[True] > 0.5
        assert abs(found[False]) < 0.1

    def test_stage_two_learns_a_link_of_one_variable(self):
        z = torch.randn(1000, generator=generator()).double()
        net = network(last=256)
        stage_two(net, z[:500], LINK(z[:500]))
        said = z[500:] + net.last_features(z[500:]) @ net.c
        assert kernels.relative_error(said.detach(), LINK(z[500:])) < 0.01
