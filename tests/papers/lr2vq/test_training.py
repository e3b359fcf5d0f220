"""Trainings: what moves, what is made orthonormal between epochs, which rates; settings refused."""

from __future__ import annotations

import copy
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.nn import functional as F

from common.compression.decoded import Decoded
from common.compression.subvectors import Layout
from common.errors import InvalidInputError, MissingDataError
from common.nn.cifar_resnet import CifarResNet, inner_convolutions
from common.nn.imagenet_resnet import ImageNetResNet
from common.trainers.rates import constant
from papers.lr2vq import network
from papers.lr2vq.bgd import distil_codebook, weighted_codes
from papers.lr2vq.models import quantise
from papers.lr2vq.schema import QuantiseTask
from papers.lr2vq.sizes import network_bits
from papers.lr2vq.tasks.encoding import cluster, dim, sizes, to_low_rank
from papers.lr2vq.tasks.settings import check_settings
from papers.lr2vq.training import LiteratureModule, QuantisedModule


def task(**settings):
    return OmegaConf.structured(QuantiseTask(**settings))


def quantised_network(seed: int = 0) -> CifarResNet:
    torch.manual_seed(seed)
    model = CifarResNet(8)
    generator = torch.Generator().manual_seed(seed)
    network.encode_layers(
        model,
        inner_convolutions(model),
        lambda _, w: quantise(w, Layout(8), 6, 16, generator),
    )
    return model


def module(kind, model, optimiser):
    """As a trainer of 40 steps holds it."""
    built = kind(model, optimiser, constant())
    built.trainer = SimpleNamespace(estimated_stepping_batches=40, current_epoch=0)
    return built


def test_between_epochs_maps_become_orthonormal_and_no_weight_moves():
    model, x = quantised_network(), torch.randn(4, 3, 32, 32)
    built = QuantisedModule(model, partial(torch.optim.Adam, lr=1e-2), constant())
    update = built.configure_optimizers()["optimizer"]
    for _ in range(3):
        update.zero_grad()
        model(x).square().sum().backward()
        update.step()
    code = network.quantised(model)[0]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    decoded = [code().detach() for code in network.quantised(model)]
    built.optimizers = lambda: SimpleNamespace(optimizer=update)
    built.trainer = SimpleNamespace(current_epoch=1)
    built._train_sums = torch.zeros(2)
    built.on_train_epoch_start()
    for old, code in zip(decoded, network.quantised(model), strict=True):
        torch.testing.assert_close(code().detach(), old, rtol=1e-4, atol=1e-5)
        gram = code.map.detach().mT @ code.map.detach()
        torch.testing.assert_close(gram, torch.eye(6), rtol=0, atol=1e-5)
        assert code.map not in update.state
        assert code.codebook not in update.state
    inside = {id(p) for code in network.quantised(model) for p in code.parameters()}
    for name, parameter in model.named_parameters():
        if id(parameter) not in inside:
            assert torch.equal(parameter, before[name])
            assert parameter in update.state


def test_rates_of_the_literature():
    model = quantised_network()
    built = module(LiteratureModule, model, partial(torch.optim.SGD, lr=0.1))
    found = built.configure_optimizers()
    groups = found["optimizer"].param_groups
    codes = network.quantised(model)
    assert len(groups) == 1 + len(codes)
    for group, code in zip(groups[1:], codes, strict=True):
        assert group["params"] == [code.codebook]
        assert group["lr"] == pytest.approx(0.1 / math.sqrt(len(code.codes) / len(code.codebook)))
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    found["optimizer"].step()  # no gradient, so that nothing moves
    for _ in range(20):
        found["lr_scheduler"]["scheduler"].step()
    assert groups[0]["lr"] == pytest.approx(0.05)  # half way down the cosine


def test_distillation_moves_one_codebook_and_nothing_else():
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 5))
    teacher.eval()
    model = copy.deepcopy(teacher)
    generator = torch.Generator().manual_seed(0)
    code = weighted_codes(model[0].weight, torch.eye(4, dtype=torch.float64), 4, generator)
    model[0] = Decoded(model[0], code)
    batches = [torch.randn(8, 4, 8, 8) for _ in range(2)]
    before = copy.deepcopy(model.state_dict())

    def divergence():
        with torch.no_grad():
            pairs = [(model(x).log_softmax(-1), teacher(x).log_softmax(-1)) for x in batches]
            return sum(
                float(F.kl_div(a, b, log_target=True, reduction="batchmean")) for a, b in pairs
            )

    start = divergence()
    distil_codebook(teacher, batches, 5, 1e-2, model, model[0])
    end = divergence()
    assert end < 0.95 * start
    moved = {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert moved == {"0.code.codebook"}
    model.load_state_dict(before)
    assert divergence() == pytest.approx(start)
    distil_codebook(teacher, batches, 0, 1e-2, model, model[0])
    assert divergence() == pytest.approx(start)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "best"}, "task.method='best'"),
        ({"order": "across"}, "task.order='across'"),
        ({"regime": "middle"}, "task.regime='middle'"),
        ({"network": "resnet34"}, "task.network='resnet34'"),
        ({"words": 0}, "task.words=0"),
        ({"dim": 0}, "task.dim=0"),
        ({"reassign_every": -1}, "task.reassign_every=-1"),
        ({"tune_steps": -1}, "task.tune_steps=-1"),
        ({"calibration": 0}, "task.calibration=0"),
        ({"method": "low_rank", "reassign_every": 1}, "no codes while it trains"),
        ({"method": "scalar", "regime": "small"}, "task.regime=small"),
    ],
)
def test_settings_are_refused(settings, said):
    with pytest.raises(InvalidInputError) as refused:
        check_settings(task(**settings))
    assert said in str(refused.value)
    assert "allowed" in str(refused.value)


def test_imagenet_is_said_to_be_missing():
    with pytest.raises(MissingDataError, match="ImageNet is missing"):
        check_settings(task(network="resnet18"))


def test_words_of_a_codebook():
    with pytest.raises(InvalidInputError, match="words=0"):
        network.layout_words(Layout(8), torch.Size((8, 8)), 0)


def test_a_regime_takes_all_but_the_first_convolution():
    model, settings = CifarResNet(8), task(regime="large")
    chosen = sizes(settings, model)
    assert list(chosen) == [*inner_convolutions(model), "linear"]
    assert chosen["layer1.0.conv1"] == (18, 32)  # a quarter of 128 subvectors
    assert chosen["linear"] == (4, 48)  # outputs filled up to 12
    assert (dim(settings, 18), dim(settings, 4)) == (14, 3)
    assert dim(task(dim=5), 8) == 5


def test_vectors_trained_first_are_clustered_into_the_same_codes():
    model = CifarResNet(8)
    settings = task(method="pretrain_lowrank", words=16)
    context = SimpleNamespace(config=OmegaConf.create({"seed": 0, "task": settings}))
    layers = to_low_rank(settings, model)
    cluster(context, SimpleNamespace(model=CifarResNet(8)), layers)
    assert {len(code.codebook) for code in network.quantised(model)} == {16}


@pytest.mark.slow
def test_twenty_steps_at_the_published_shapes():
    """ResNet-18 for ImageNet at 43 times, images of 224 x 224."""
    torch.manual_seed(0)
    model, settings = ImageNetResNet(18), task(regime="large", network="resnet18")
    dense, chosen = copy.deepcopy(model), sizes(settings, model)
    generator = torch.Generator().manual_seed(0)
    network.encode_layers(
        model,
        chosen,
        lambda name, w: quantise(
            w, Layout(chosen[name][0]), dim(settings, chosen[name][0]), chosen[name][1], generator
        ),
    )
    assert network_bits(dense, {}) / network.bits(model) > 40
    built = module(LiteratureModule, model, partial(torch.optim.SGD, lr=0.01, momentum=0.9))
    update = built.configure_optimizers()["optimizer"]
    images, labels = torch.randn(2, 3, 224, 224), torch.tensor([3, 700])
    losses = []
    for _ in range(20):
        loss = built.objective(images, labels)
        update.zero_grad()
        loss.backward()
        update.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
