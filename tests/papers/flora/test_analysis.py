"""Readings, dimensions, shifts and measures, against their definitions."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from common.nn.cifar_resnet import CifarResNet
from papers.flora.dimensions import dimension, jacobian_rank
from papers.flora.lora_view import ViewLoRA
from papers.flora.measures import amplification, norm
from papers.flora.methods import METHODS, Setting, adapt_network, changes
from papers.flora.readings import (
    READINGS,
    core_error,
    core_numbers,
    least_rank,
    matrix_error,
    permuted_taps,
    reading_numbers,
)
from papers.flora.shifts import blur, inverted, rot90

SHAPE = (6, 5, 3, 3)


def weight(seed: int = 0):
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(
    ("reading", "numbers"),
    [("view", 2 * 9 * (6 + 5)), ("peft", 2 * (6 + 45)), ("structured", 2 * (18 + 15))],
)
def test_numbers_of_a_reading(reading, numbers):
    assert reading_numbers(SHAPE, reading, 2) == numbers
    assert least_rank(SHAPE, reading, numbers) == 2
    assert least_rank(SHAPE, reading, numbers + 1) == 3


def test_a_lora_by_memory_order_is_within_its_reading():
    lora = ViewLoRA(SHAPE, 1, 1.0, torch.Generator().manual_seed(0)).double()
    nn.init.normal_(lora.b)
    change = lora.change().view(SHAPE).detach()
    assert matrix_error(change, "view", 1) < 1e-12
    assert matrix_error(change, "peft", 1) > 0.1


def test_readings_hold_the_same_numbers():
    for read in READINGS.values():
        assert read(weight()).norm() == pytest.approx(float(weight().norm()))


@pytest.mark.parametrize(
    ("shape", "ranks", "expected"),
    [((8, 7), (3, 3), 36), ((6, 5, 3, 3), (2, 3, 2, 2), 42), ((6, 5, 3, 3), (2, 2, 1, 1), 22)],
)
def test_dimensions(shape, ranks, expected):
    assert dimension(shape, ranks) == jacobian_rank(shape, ranks) == expected


def test_errors_of_cores():
    assert core_error(weight(), SHAPE) == pytest.approx(0, abs=1e-12)
    assert core_error(weight(), (2, 2, 1, 1)) > core_error(weight(), (4, 4, 2, 2)) > 0
    assert core_numbers(SHAPE, (2, 2, 1, 1)) == 12 + 10 + 3 + 3 + 4


def test_permuted_taps_keep_the_matrix_of_outputs():
    moved = permuted_taps(weight(), 0)
    assert not torch.equal(moved, weight())
    torch.testing.assert_close(
        torch.linalg.svdvals(moved.flatten(1)), torch.linalg.svdvals(weight().flatten(1))
    )


def test_shifts():
    image = torch.arange(2 * 3 * 6 * 6).view(2, 3, 6, 6).to(torch.uint8)
    assert torch.equal(inverted(inverted(image)), image)
    assert image[0, 0, 0, 5] == rot90(image)[0, 0, 0, 0]  # the upper right corner goes left
    turned = image
    for _ in range(4):
        turned = rot90(turned)
    assert torch.equal(turned, image)
    flat = torch.full((1, 3, 6, 6), 77, dtype=torch.uint8)
    assert torch.equal(blur(flat), flat)
    assert blur(image)[0, 0, 2, 2] == image[0, 0, :5, :5].float().mean().round()


def test_measures():
    changes_of = {"a": torch.ones(2, 2), "b": 2 * torch.ones(2, 2)}
    assert norm(changes_of) == pytest.approx((4 + 16) ** 0.5)
    weights = {"a": torch.eye(2), "b": torch.eye(2)}
    # The leading vectors of a matrix of ones are (1, 1) / sqrt 2: U^T V is 1.
    assert amplification(changes_of, weights, 1) == pytest.approx((2 + 4) / 2)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_change_what_they_say(name):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, bias=False),
        nn.Flatten(),
        nn.Linear(128, 5),
    )
    x = torch.randn(2, 4, 8, 8)
    plain = copy.deepcopy(net)
    before = {n: net.get_submodule(n).weight.detach().clone() for n in ("0", "2")}
    model = adapt_network(net, name, Setting(2, 2, 1.0, 0, ("0", "2"))).eval()
    if name not in ("loha", "lokr"):  # whose start is peft's affair
        torch.testing.assert_close(model(x), plain(x), rtol=1e-4, atol=1e-5)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert bool(trained) == (name != "none")
    with torch.no_grad():
        for parameter in trained:
            parameter += 0.1 * torch.randn_like(parameter)
    found = changes(model, ("0", "2"), before)
    if name in ("none", "bitfit", "head"):
        assert not any(change.any() for change in found.values())
        return
    changed = copy.deepcopy(plain)
    for layer, change in found.items():
        changed.get_submodule(layer).weight.data += change
    torch.testing.assert_close(model(x), changed(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("method", "rank", "numbers"),
    [
        ("flora", 4, 6552),
        ("flora", 7, 12816),
        ("flora", 12, 26136),
        ("lora", 1, 6288),
        ("lora", 2, 12576),
        ("lora", 4, 25152),
        ("view", 1, 11664),
        ("view", 2, 23328),
        ("full", 1, 267264),
    ],
)
def test_budgets_of_the_protocol(method, rank, numbers):
    net = CifarResNet(20)
    names = [name for name, m in net.named_modules() if isinstance(m, nn.Conv2d)]
    layers = tuple(name for name in names if name != "conv1")
    assert len(layers) == 18
    model = adapt_network(net, method, Setting(rank, 2, 4.0, 0, layers))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == numbers
