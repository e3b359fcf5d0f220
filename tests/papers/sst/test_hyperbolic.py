"""Geometry against closed forms; layers and networks stay on the manifold."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.sst.hyperbolic import lorentz, poincare
from papers.sst.hyperbolic.adam import RiemannianAdam
from papers.sst.hyperbolic.graph_nets import build
from papers.sst.hyperbolic.layers import (
    LorentzClassifier,
    LorentzLinear,
    manifold_parameters,
    margin_loss,
    worst_violation,
)
from papers.sst.hyperbolic.transformer import LorentzTransformer
from papers.sst.methods import Method, apply
from papers.sst.tasks.translation import Pairs, violation

vectors = st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=3, max_size=3).map(
    lambda v: torch.tensor(v, dtype=torch.float64)
)


@settings(max_examples=60, deadline=None)
@given(z=vectors, w=vectors)
def test_maps_and_distances_of_the_lorentz_model(z, w):
    x, y = lorentz.expmap0(z), lorentz.expmap0(w)
    assert worst_violation(torch.stack([x, y])) < 1e-9
    torch.testing.assert_close(lorentz.logmap0(x), z, rtol=1e-7, atol=1e-7)
    origin = lorentz.expmap0(torch.zeros(3, dtype=torch.float64))
    assert float(lorentz.distance(origin, x)) == pytest.approx(float(z.norm()), abs=1e-6)
    squared = float(lorentz.squared_distance(x, y))
    assert squared == pytest.approx(-2 - 2 * float(lorentz.inner(x, y)))
    assert squared >= float(lorentz.distance(x, y)) ** 2 - 1e-6
    assert float(lorentz.pairwise_inner(x[None], y[None])) == pytest.approx(
        float(lorentz.inner(x, y))
    )


@settings(max_examples=60, deadline=None)
@given(z=vectors, v=vectors)
def test_geodesics_and_transport(z, v):
    x = lorentz.expmap0(z)
    v = lorentz.tangent(x, torch.cat([torch.zeros(1).double(), v]))
    assert float(lorentz.inner(x, v)) == pytest.approx(0, abs=1e-8)
    length = float(lorentz.inner(v, v).clamp_min(0).sqrt())
    if length > 6:
        return
    y = lorentz.expmap(x, v)
    assert worst_violation(y) < 1e-6
    assert float(lorentz.distance(x, y)) == pytest.approx(length, abs=1e-5)
    carried = lorentz.transport(x, y, v)
    assert float(lorentz.inner(y, carried)) == pytest.approx(0, abs=1e-4 * (1 + length**2))
    assert float(lorentz.inner(carried, carried)) == pytest.approx(length**2, rel=1e-4, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(z=vectors, w=vectors)
def test_the_poincare_ball(z, w):
    z, w = z / 3, w / 3
    x, y = poincare.expmap0(z), poincare.expmap0(w)
    torch.testing.assert_close(poincare.logmap0(x), z, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(poincare.moebius_add(x, torch.zeros_like(x)), x)
    torch.testing.assert_close(
        poincare.moebius_add(-x, poincare.moebius_add(x, y)), y, rtol=1e-6, atol=1e-7
    )
    ratio = (x - y).square().sum() / ((1 - x.square().sum()) * (1 - y.square().sum()))
    assert float(poincare.squared_distance(x, y)) == pytest.approx(
        float(torch.acosh(1 + 2 * ratio)) ** 2, abs=1e-6
    )


def test_both_models_have_the_same_distances():
    """x / (1 + x_0) maps the Lorentz model to the ball."""
    x, y = (lorentz.expmap0(torch.randn(20, 4).double() * 0.7) for _ in range(2))
    a, b = (p[:, 1:] / (1 + p[:, :1]) for p in (x, y))
    torch.testing.assert_close(lorentz.distance(x, y) ** 2, poincare.squared_distance(a, b))


def test_gradients_are_finite_at_equal_points():
    x = lorentz.expmap0(torch.randn(3, 4)).requires_grad_()
    lorentz.distance(x, x.detach()).sum().backward()
    assert bool(x.grad.isfinite().all())
    z = torch.zeros(3, 4, requires_grad=True)
    (lorentz.logmap0(lorentz.expmap0(z)).sum() + poincare.expmap0(z).sum()).backward()
    assert bool(z.grad.isfinite().all())


def test_edges_of_the_ball():
    far = poincare.expmap0(torch.full((1, 3), 50.0))
    assert float(far.norm()) < 1
    assert bool(poincare.logmap0(far).isfinite().all())


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("name", ["full", "lora", "relora", "sst"])
def test_layers_stay_on_the_manifold_whatever_their_matrix(heads, name):
    torch.manual_seed(0)
    layer = LorentzLinear(9, 8, heads=heads, activation=torch.relu)
    model = torch.nn.Sequential(layer)
    apply(model, Method(name, rank=2))
    x = lorentz.expmap0(torch.randn(50, 8) * 0.5)
    y = layer(x)
    assert y.shape == ((50, 8) if heads == 1 else (50, heads, 8 // heads))
    assert worst_violation(y) < 1e-3
    assert float(y.detach()[..., 0].max()) < 11.1 + 1e-4


def test_a_point_without_a_direction_is_the_origin():
    """All inputs set to 0 by the activation: the time alone would be off the manifold."""
    layer = LorentzLinear(4, 5, activation=torch.relu)
    x = lorentz.expmap0(-torch.rand(2, 3) - 0.1).requires_grad_()
    y = layer(x)
    torch.testing.assert_close(y, torch.eye(5)[:1].expand(2, 5))
    y.sum().backward()
    assert bool(x.grad.isfinite().all())
    assert bool(layer.linear.weight.grad.isfinite().all())


def test_points_far_away_stay_on_the_manifold():
    for dtype, norm in ((torch.float32, 100.0), (torch.float64, 100.0)):
        x = lorentz.expmap0(torch.tensor([[norm, 0.0], [0.0, -1e4]], dtype=dtype))
        assert bool(x.isfinite().all())
        assert worst_violation(x) < 1


def test_a_layer_carries_on_what_it_is_beside():
    layer = LorentzLinear(8, 8, start=0.0, heads=1)
    x = lorentz.expmap0(torch.randn(5, 7))
    y = layer(x, x)
    directions = [p[:, 1:] / p[:, 1:].norm(dim=1, keepdim=True) for p in (x, y)]
    torch.testing.assert_close(*directions)
    assert worst_violation(y) < 1e-3


def test_no_head_s_time_is_read_at_the_start():
    layer = LorentzLinear(12, 8, points=3)
    times = torch.zeros(12, dtype=torch.bool)
    times[[0, 4, 8]] = True
    assert bool((layer.linear.weight[:, times] == 0).all())
    assert bool((layer.linear.weight[:, ~times] != 0).all())


def test_the_start_does_not_read_the_time():
    layer = LorentzLinear(9, 8)
    assert bool((layer.linear.weight[:, 0] == 0).all())
    assert float(layer.linear.weight.detach().abs().max()) <= 8**-0.5


def test_centroids():
    points = lorentz.expmap0(torch.randn(5, 3).double())
    weights = torch.rand(2, 5).double()
    mean = lorentz.centroid(points, weights)
    assert worst_violation(mean) < 1e-12
    torch.testing.assert_close(lorentz.centroid(points[:1], torch.ones(1, 1).double()), points[:1])
    # The point of least weighted squared distance.
    least = (weights[0] * lorentz.squared_distance(points, mean[0])).sum()
    for _ in range(20):
        moved = lorentz.expmap(mean[0], lorentz.tangent(mean[0], torch.randn(4).double() * 0.05))
        assert float((weights[0] * lorentz.squared_distance(points, moved)).sum()) >= float(least)


def test_logits_are_distances():
    model = LorentzClassifier(4, 5)
    x = lorentz.expmap0(torch.randn(6, 4))
    for c in range(4):
        wanted = -lorentz.squared_distance(x, model.points[c])
        torch.testing.assert_close(model(x)[:, c], wanted, rtol=1e-4, atol=1e-4)


def test_margin_loss_by_hand():
    logits = torch.tensor([[1.0, 3.0], [5.0, 0.0]])
    assert float(margin_loss(logits, torch.tensor([0, 0]), 2.0)) == pytest.approx(8 / 4)


def test_riemannian_adam_finds_the_centroid():
    torch.manual_seed(0)
    targets = lorentz.expmap0(torch.randn(6, 3).double())
    model = torch.nn.Module()
    model.points = torch.nn.Parameter(lorentz.expmap0(torch.randn(1, 3).double()))
    optimiser = RiemannianAdam([model.points], lr=0.05)
    for step in range(400):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimiser.zero_grad()
        lorentz.squared_distance(targets, model.points).sum().backward()
        optimiser.step()
        assert worst_violation(model.points) < 1e-9
    wanted = lorentz.centroid(targets, torch.ones(1, 6).double())
    assert float(lorentz.distance(model.points.detach(), wanted)) < 0.01


def test_riemannian_adam_against_geoopt():
    geoopt = pytest.importorskip("geoopt")
    torch.manual_seed(0)
    start = lorentz.expmap0(torch.randn(5, 3).double())
    targets = lorentz.expmap0(torch.randn(5, 3).double())
    ours = torch.nn.Parameter(start.clone())
    theirs = geoopt.ManifoldParameter(start.clone(), manifold=geoopt.Lorentz())
    optimisers = [RiemannianAdam([ours], 0.05), geoopt.optim.RiemannianAdam([theirs], 0.05)]
    for _ in range(20):
        for p, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            lorentz.squared_distance(p, targets).sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("network", ["hybonet", "hgcn", "hnn"])
@pytest.mark.parametrize("classes", [0, 3])
def test_networks(network, classes):
    torch.manual_seed(0)
    model = build(network, 5, classes, width=4, layers=2)
    features, n = torch.randn(7, 5), 7
    adjacency = (torch.eye(n) + torch.diag(torch.ones(n - 1), 1)).to_sparse()
    states = model.states(model.lift(features), adjacency)
    assert len(states) == 2
    for x in states:
        if network == "hybonet":
            assert worst_violation(x) < 1e-3
        else:
            assert float(x.norm(dim=1).max().detach()) < 1
    if classes:
        loss = model.class_loss(states[-1], torch.arange(7) % 3)
    else:
        pairs = torch.tensor([[0, 1], [2, 3]])
        loss = model.link_loss(states[-1], pairs, pairs.flip(0) + 1)
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    without = model(features, torch.eye(n).to_sparse())
    assert torch.equal(without, states[-1]) == (network == "hnn")


def test_attention_weighs_neighbours_alone():
    model = build("hybonet", 5, 0, width=4, layers=1, attention=True)
    adjacency = torch.eye(6)
    assert worst_violation(model(torch.randn(6, 5), adjacency.to_sparse())) < 1e-3
    weights = model.attention[0](lorentz.expmap0(torch.randn(6, 3)), adjacency.to_sparse())
    assert torch.equal(weights != 0, adjacency != 0)


def test_the_transformer_stays_on_the_manifold_under_every_method():
    source, target = torch.randint(3, 9, (4, 6)), torch.randint(3, 9, (4, 7))
    for name in ("full", "lora", "sst"):
        torch.manual_seed(0)
        model = LorentzTransformer(9, 9, width=8, heads=2, layers=1, positions=8)
        assert len(manifold_parameters(model)) == 3
        apply(model, Method(name, rank=2))
        assert violation(model, Pairs(source, target)) < 1e-3


def test_centroids_of_attention_are_on_the_manifold(monkeypatch):
    """They are states too, between two layers."""
    seen, centroid = [], lorentz.centroid

    def watched(*arguments):
        seen.append(centroid(*arguments))
        return seen[-1]

    monkeypatch.setattr(lorentz, "centroid", watched)
    model = LorentzTransformer(9, 9, width=8, heads=2, layers=2, positions=8)
    model(torch.randint(3, 9, (4, 6)), torch.randint(3, 9, (4, 7)))
    assert len(seen) == 6  # two of the encoder, two and two of the decoder
    for points in seen:
        assert float((lorentz.inner(points, points) + 1).detach().abs().max()) < 1e-4


def test_refusals():
    with pytest.raises(InvalidInputError, match="allowed: hybonet, hgcn, hnn"):
        build("gcn", 5, 3, width=4, layers=1)
    with pytest.raises(InvalidInputError, match=r"task.layers=0, task.width=4"):
        build("hgcn", 5, 3, width=4, layers=0)
    with pytest.raises(InvalidInputError, match="only hybonet"):
        build("hgcn", 5, 3, width=4, layers=1, attention=True)
