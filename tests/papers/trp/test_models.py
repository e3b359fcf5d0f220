"""One step in closed form, when the penalty counts, the authors' networks, the decomposition."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.compression.forms import CHANNEL, DECOUPLED, FORMS, SPATIAL
from common.compression.layers import tied
from common.errors import InvalidInputError
from common.nn.cifar_resnet import CifarResNet
from common.nn.imagenet_resnet import ImageNetResNet
from papers.trp.decompose import decompose
from papers.trp.models import RankPruner, projected_layers, rank_sum
from papers.trp.networks import ProjectedResNet
from papers.trp.projection import project


def linear_model():
    """A convolution whose loss has a gradient that depends on the weight: |W|^2 / 2 and a part."""
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 6, 3, bias=False).double()
    part = torch.randn_like(conv.weight)
    return conv, lambda: (0.5 * conv.weight.square() + part * conv.weight).sum(), part


def step(conv, loss, pruner, number, rate, momentum):
    pruner.before_step(number)
    momentum.zero_grad()
    loss().backward()
    pruner.before_update()
    momentum.step()
    assert rate == momentum.param_groups[0]["lr"]


def test_the_gradient_is_taken_at_the_projection():
    conv, loss, part = linear_model()
    before, rate, nuclear = conv.weight.detach().clone(), 0.1, 0.7
    pruner = RankPruner({"conv": conv}, SPATIAL, left_out=0.3, period=2, nuclear=nuclear)
    optimiser = torch.optim.SGD([conv.weight], lr=rate, momentum=0.9)
    step(conv, loss, pruner, 0, rate, optimiser)
    cut = project(before, SPATIAL, 0.3)
    T = cut.weight()
    expected = T - rate * (T + part + nuclear * cut.subgradient())
    torch.testing.assert_close(conv.weight.detach(), expected)
    # Step 1 is plain, with the momentum of step 0, the penalty's part included.
    at = conv.weight.detach().clone()
    step(conv, loss, pruner, 1, rate, optimiser)
    buffer = 0.9 * (T + part + nuclear * cut.subgradient()) + at + part
    torch.testing.assert_close(conv.weight.detach(), at - rate * buffer)
    # The momentum of the optimiser is not projected.
    assert project(optimiser.state[conv.weight]["momentum_buffer"], SPATIAL, 1e-9).rank > cut.rank


def test_penalty_only_leaves_the_weights():
    conv, loss, part = linear_model()
    before = conv.weight.detach().clone()
    pruner = RankPruner(
        {"conv": conv}, CHANNEL, left_out=0.3, period=1, nuclear=0.5, overwrite=False
    )
    optimiser = torch.optim.SGD([conv.weight], lr=0.1)
    step(conv, loss, pruner, 0, 0.1, optimiser)
    truncated = project(before, CHANNEL, 0.3).subgradient()
    expected = before - 0.1 * (before + part + 0.5 * truncated)
    torch.testing.assert_close(conv.weight.detach(), expected)


def test_without_penalty_the_gradient_is_untouched():
    conv, loss, _ = linear_model()
    pruner = RankPruner({"conv": conv}, CHANNEL, left_out=0.3, period=1)
    pruner.before_step(0)
    loss().backward()
    gradient = conv.weight.grad.clone()
    pruner.before_update()
    assert torch.equal(gradient, conv.weight.grad)


@pytest.mark.parametrize("given", [{"period": 0}, {"left_out": 1.0}, {"nuclear": -1.0}])
def test_refused(given):
    settings = {"left_out": 0.1, "period": 1, **given}
    with pytest.raises(InvalidInputError, match="allowed: a period of 1"):
        RankPruner({}, CHANNEL, **settings)


@pytest.mark.parametrize(
    ("depth", "parameters", "layers"), [(20, 272_474, 18), (32, 466_906, 30), (56, 869_530, 27)]
)
def test_the_authors_networks(depth, parameters, layers):
    with torch.device("meta"):
        model = ProjectedResNet(depth)
    assert sum(p.numel() for p in model.parameters()) == parameters
    found = projected_layers(model)
    assert len(found) == layers
    assert "conv1" not in found
    assert all(tuple(layer.kernel_size) == (3, 3) for layer in found.values())


def test_layers_of_the_trained_networks():
    for depth, count in ((20, 18), (32, 30), (56, 54)):
        with torch.device("meta"):
            found = projected_layers(CifarResNet(depth))
        assert len(found) == count
        assert sum(tuple(x.stride) == (1, 1) for x in found.values()) == count - 2


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_decomposed_network(form):
    torch.manual_seed(0)
    model, image = CifarResNet(8).eval(), torch.randn(2, 3, 32, 32)
    low = copy.deepcopy(model)
    for layer in projected_layers(low).values():
        with torch.no_grad():
            layer.weight.copy_(project(layer.weight, form, 0.5).weight())
    kept = {n: p.detach().clone() for n, p in low.named_parameters()}
    cut = decompose(low, form, image, left_out=1e-6)
    assert all(torch.equal(p, kept[n]) for n, p in low.named_parameters())
    torch.testing.assert_close(cut.model(image), low(image), rtol=1e-4, atol=1e-4)
    assert cut.speedup > 1
    assert cut.kept_energy >= 1 - 1e-6
    strided = [n for n, m in projected_layers(model).items() if tuple(m.stride) != (1, 1)]
    assert strided
    assert not set(strided) & set(cut.ranks)
    assert not tied(cut.model)


def test_layers_that_would_cost_more_stay_dense():
    model, image = CifarResNet(8).eval(), torch.randn(1, 3, 32, 32)
    cut = decompose(model, DECOUPLED, image, left_out=0.0)
    assert cut.ranks == {}
    assert cut.speedup == 1
    assert cut.parameters == sum(p.numel() for p in model.parameters())


def test_threshold_is_of_values():
    torch.manual_seed(0)
    model, image = CifarResNet(8).eval(), torch.randn(1, 3, 32, 32)
    name, layer = next(iter(projected_layers(model).items()))
    values = torch.linalg.svdvals(SPATIAL.matrix(layer.weight.detach()))
    cut = decompose(model, SPATIAL, image, threshold=float(values[3]) * 0.999)
    assert cut.ranks[name] == 4


@pytest.mark.parametrize("rule", [{}, {"left_out": 0.1, "threshold": 0.1}])
def test_one_rule(rule):
    with pytest.raises(InvalidInputError, match="left_out, a part of the energy, or threshold"):
        decompose(CifarResNet(8), CHANNEL, torch.randn(1, 3, 32, 32), **rule)


def test_rank_sum():
    layers = projected_layers(CifarResNet(8)).values()
    assert rank_sum(layers, CHANNEL, 0.0) == sum(layer.out_channels for layer in layers)


@pytest.mark.slow
def test_a_projected_step_at_the_shapes_of_imagenet():
    """ResNet-50 on 224 x 224: projected, one step, decomposed."""
    torch.manual_seed(0)
    model = ImageNetResNet(50)
    layers = projected_layers(model)
    assert len(layers) == 16
    pruner = RankPruner(layers, CHANNEL, left_out=0.005, period=20, nuclear=3e-4)
    update = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    pruner.before_step(0)
    model(torch.randn(2, 3, 224, 224)).square().mean().backward()
    pruner.before_update()
    update.step()
    cut = decompose(model.eval(), CHANNEL, torch.randn(1, 3, 224, 224), left_out=0.5)
    assert cut.speedup > 1
