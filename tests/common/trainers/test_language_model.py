"""Training of a language model: its schedule, that a cut changes nothing, that more steps go on."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from common.errors import Diverged, InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from common.trainers.language_model import LATEST, STABLE, Recipe, batch, optimiser, train
from common.trainers.perplexity import perplexity, windows

CONFIG = GPTConfig(vocabulary=11, context=8, layers=1, heads=2, width=8)
STREAM = (torch.arange(300) ** 2 % 11).int()


class Cut(Exception):
    pass


def cut_after(steps):
    left = iter(range(steps))

    def between():
        if next(left, None) is None:
            raise Cut

    return between


def fresh():
    torch.manual_seed(0)
    return GPT(CONFIG)


def recipe(steps=20, **changes):
    settings = {"batch_size": 4, "context": 8, "lr": 0.01, "warmup": 4} | changes
    return Recipe(steps=steps, **settings)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_it_learns_a_periodic_stream():
    model = fresh()
    losses = train(model, STREAM, recipe(200), every=50)
    assert losses[-1] < 0.3 < losses[0]
    assert perplexity(model, STREAM, 8) < 1.5


@pytest.mark.parametrize("cut", [5, 10, 17])
def test_a_cut_training_ends_with_the_same_bits(tmp_path, cut):
    whole, resumed = fresh(), fresh()
    losses = train(whole, STREAM, recipe(), every=3)
    with pytest.raises(Cut):
        train(resumed, STREAM, recipe(), folder=tmp_path, every=3, between=cut_after(cut))
    torch.manual_seed(9)
    resumed = GPT(CONFIG)  # what it starts from does not matter
    assert train(resumed, STREAM, recipe(), folder=tmp_path, every=3) == losses
    assert same(whole, resumed)


@pytest.mark.parametrize("kept", [LATEST, STABLE])
def test_more_steps_go_on_from_where_the_rate_had_not_fallen(tmp_path, kept):
    train(fresh(), STREAM, recipe(10), folder=tmp_path, every=4)
    if kept == STABLE:
        (tmp_path / LATEST).unlink()
    whole, extended = fresh(), fresh()
    train(whole, STREAM, recipe(20))
    first = []
    torch.manual_seed(9)
    extended = GPT(CONFIG)
    train(extended, STREAM, recipe(20), folder=tmp_path, between=lambda: first.append(1))
    assert len(first) == 20 - 8  # the rate of the shorter one began to fall at step 8
    assert same(whole, extended)


def test_a_shorter_training_does_not_start_from_beyond_its_fall(tmp_path):
    with pytest.raises(Cut):
        train(fresh(), STREAM, recipe(40), folder=tmp_path, every=5, between=cut_after(12))
    # Step 10 lies before the fall of a training of 20 steps (16), not of one of 12 (10).
    for steps, taken in ((20, 10), (12, 2), (11, 11)):
        folder = copy_of(tmp_path, tmp_path.parent / f"{tmp_path.name}_{steps}")
        counted = []
        train(fresh(), STREAM, recipe(steps), folder=folder, between=partial(counted.append, 1))
        assert len(counted) == taken


def copy_of(folder, target):
    target.mkdir()
    (target / LATEST).write_bytes((folder / LATEST).read_bytes())
    return target


def test_rate():
    plan = recipe(20)
    rates = [plan.rate(step) / plan.lr for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:17] == [1.0] * 13
    assert rates[17:] == [0.75, 0.5, 0.25]
    assert recipe(20, warmup=0, decay=0.0).rate(0) == recipe(20).lr


def test_a_batch_is_consecutive_tokens_and_the_same_again():
    inputs, targets = batch(torch.arange(100), recipe(), 3)
    assert inputs.shape == targets.shape == (4, 8)
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs, batch(torch.arange(100), recipe(), 3)[0])
    assert not torch.equal(inputs, batch(torch.arange(100), recipe(), 4)[0])
    assert torch.equal(batch(torch.arange(9), recipe(), 0)[1][:, -1], torch.full((4,), 8))
    with pytest.raises(InvalidInputError, match="shorter than a window"):
        batch(torch.arange(8), recipe(), 0)


def test_decay_of_matrices_only_and_frozen_parameters_stay():
    model = fresh()
    model.transformer.wpe.requires_grad_(False)
    decays = {g["weight_decay"]: len(g["params"]) for g in optimiser(model, recipe()).param_groups}
    assert decays == {0.1: 5, 0.0: 10}
    before = model.transformer.wpe.weight.clone()
    train(model, STREAM, recipe(2))
    assert torch.equal(before, model.transformer.wpe.weight)


def test_divergence_is_told(tmp_path):
    model = fresh()
    with torch.no_grad():
        model.lm_head.weight.fill_(math.inf)
    with pytest.raises(Diverged):
        train(model, STREAM, recipe())


def test_perplexity_is_that_of_a_slow_sum():
    model = fresh()
    inputs, targets = windows(STREAM, 8, 100)
    assert inputs.shape == (12, 8)
    logs = []
    for row, wanted in zip(inputs, targets, strict=True):
        for position in range(8):  # one token at a time, with its past in the window
            logits = model(row[None, : position + 1])[0, -1].double()
            logs.append(torch.log_softmax(logits, 0)[wanted[position]].item())
    expected = math.exp(-sum(logs) / len(logs))
    assert perplexity(model, STREAM, 8, tokens=100, batch_size=5) == pytest.approx(expected, 1e-6)


def test_windows_cover_the_stream_once():
    inputs, targets = windows(torch.arange(25), 8)
    assert torch.equal(inputs.flatten(), torch.arange(24))
    assert torch.equal(targets.flatten(), torch.arange(1, 25))
    with pytest.raises(InvalidInputError, match="allows 1 to 3"):
        windows(torch.arange(25), 8, 40)
