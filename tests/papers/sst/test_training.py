"""Trainings that go on bit for bit, in the middle of a round and of an iteration."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.errors import CorruptCheckpointError, Diverged, InvalidInputError
from papers.sst.accounting import (
    dense_size,
    lora_parameters,
    optimiser_bytes,
    predicted_bytes,
    spectral_parameters,
    spectral_share,
    trainable,
    training_bytes,
)
from papers.sst.hyperbolic.adam import RiemannianAdam
from papers.sst.hyperbolic.graph_nets import build
from papers.sst.hyperbolic.layers import manifold_parameters
from papers.sst.language import spikes
from papers.sst.methods import NAMES, SST, Method, apply
from papers.sst.training import LATEST, Recipe, train


def net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(10, 14), nn.Dropout(0.2), nn.GELU(), nn.Linear(14, 6))


def problem(name, **more):
    model = net()
    trained = apply(
        model, Method(name, rank=2, iteration_steps=4, restart_warmup=1, round_iterations=3, **more)
    )

    def loss(step):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(16, 10, generator=generator)
        return (model(x) - x[:, :6]).square().mean()

    return trained, loss


class Stopped(Exception):
    pass


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [10, 13])  # in the middle of an iteration and of a round
def test_a_resumed_training_ends_with_the_same_bits(name, cut, tmp_path):
    recipe = Recipe(20, 0.01, warmup=3, weight_decay=0.1, clip=1.0)
    torch.manual_seed(5)
    whole, loss = problem(name)
    torch.manual_seed(5)
    log = train(whole, loss, recipe)

    torch.manual_seed(5)
    first, loss = problem(name)
    torch.manual_seed(5)
    calls = iter(range(cut))

    def stop():
        if next(calls, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        train(first, loss, recipe, folder=tmp_path, every=cut, between=stop)
    torch.manual_seed(77)  # what runs between the two leaves no trace
    second, loss = problem(name)
    again = train(second, loss, recipe, folder=tmp_path, every=cut)
    assert again.losses == log.losses
    assert again.norms == log.norms
    for key, value in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[key], value), key


def test_points_on_a_manifold_go_on_as_well(tmp_path):
    def start():
        torch.manual_seed(0)
        model = build("hybonet", 5, 3, width=4, layers=1)
        trained = apply(model, Method(rank=1, iteration_steps=3, restart_warmup=0))
        x, adjacency = torch.randn(9, 5), torch.eye(9)
        labels = torch.arange(9) % 3
        also = [RiemannianAdam(manifold_parameters(model), 0.05)]
        return model, trained, lambda step: model.class_loss(model(x, adjacency), labels), also

    model, trained, loss, also = start()
    train(trained, loss, Recipe(8, 0.05), also=also)
    _, half, loss, also = start()
    calls = iter(range(5))

    def stop():
        if next(calls, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        train(half, loss, Recipe(8, 0.05), also=also, folder=tmp_path, every=5, between=stop)
    assert torch.load(tmp_path / LATEST, weights_only=True)["step"] == 5
    again, rest, loss, also = start()
    train(rest, loss, Recipe(8, 0.05), also=also, folder=tmp_path, every=5)
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / LATEST).write_bytes(b"no checkpoint")
    trained, loss = problem(SST)
    with pytest.raises(CorruptCheckpointError, match="Delete it"):
        train(trained, loss, Recipe(2, 0.01), folder=tmp_path)


def test_a_loss_that_is_not_finite():
    trained, _ = problem(SST)
    with pytest.raises(Diverged, match="step 1"):
        train(
            trained,
            lambda step: trained.model(torch.ones(1, 10)).sum() / (1 - step),
            Recipe(3, 0.01),
        )


def test_rates():
    recipe = Recipe(10, 1.0, warmup=2)
    assert [recipe.rate(s) for s in (0, 1, 2, 6, 9)] == pytest.approx([0.5, 1, 1, 0.5, 0.125])
    assert Recipe(10, 1.0, decay=False).rate(9) == 1.0
    for wrong in ({"steps": 0}, {"lr": 0.0}, {"warmup": 11}):
        with pytest.raises(InvalidInputError):
            Recipe(**({"steps": 10, "lr": 0.1} | wrong))


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_the_state_are_those_of_the_formula(name):
    trained, loss = problem(name)
    log = train(trained, loss, Recipe(6, 0.01))
    assert log.state_bytes == predicted_bytes(trained)


def test_bytes_are_counted_from_tensors():
    p = nn.Parameter(torch.ones(3, 4))
    optimiser = torch.optim.AdamW([p])
    p.grad = torch.ones(3, 4)
    optimiser.step()
    assert optimiser_bytes(optimiser, [p]) == 2 * 12 * 4


def test_counts():
    trained, _ = problem(SST)
    wanted = spectral_parameters(14, 10, 2) + spectral_parameters(6, 14, 2) + 14 + 6
    assert trainable(trained.model) == wanted
    assert dense_size(trained.model) == sum(p.numel() for p in net().parameters())
    assert lora_parameters(14, 10, 2) < spectral_parameters(14, 10, 2) < lora_parameters(14, 10, 3)
    assert spectral_share(10, 10, 2) == (2 * 20 + 10) / 100


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_a_training_are_those_of_its_tensors(name):
    """Weights, buffers and gradients are counted; of Adam's state see above."""
    trained, loss = problem(name)
    loss(0).backward()
    numbers = 0
    for layer in trained.layers.values():
        for own, tensor in layer.state_dict().items():
            numbers += tensor.numel() if own not in ("order", "bias") else 0
        grads = (p.grad for own, p in layer.named_parameters() if own != "bias")
        numbers += sum(g.numel() for g in grads if g is not None)
    biases = sum(layer.out_features for layer in trained.layers.values())
    wanted = 4 * numbers + predicted_bytes(trained) - 8 * biases
    assert training_bytes(trained) == wanted


def test_spikes():
    losses = [1.0] * 30
    assert spikes(losses) == 0
    losses[25] = 1.3
    losses[10] = 9.0  # within the first twenty nothing is judged
    assert spikes(losses) == 1
