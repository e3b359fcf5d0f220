"""Training of image networks: schedules, a step, resuming is fit's own (test_resume)."""

from __future__ import annotations

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from common.data.labelled_images import NORMALISATIONS, Normalisation
from common.data.sequence import SequenceSplit
from common.errors import InvalidInputError
from common.trainers import rates
from common.trainers.image_task import accuracy, calibration_batches, optimiser, schedule


def test_rates():
    assert [rates.linear_to_zero(4)(s) for s in range(6)] == [1, 0.75, 0.5, 0.25, 0, 0]
    decay = rates.step_decay(10, [0.5, 0.75])
    assert [round(decay(s), 4) for s in (0, 4, 5, 7, 8, 9)] == [1, 1, 0.1, 0.1, 0.01, 0.01]
    assert rates.constant()(123) == 1


def config(**changes):
    base = {
        "name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4,
        "schedule": "linear", "milestones": [0.5],
    }  # fmt: skip
    return OmegaConf.create(base | changes)


@pytest.mark.parametrize("key", ["name", "schedule"])
def test_unknown_names(key):
    build = optimiser if key == "name" else lambda c: schedule(c, 10)
    with pytest.raises(InvalidInputError, match=f"optimizer.{key}='no'; allowed"):
        build(config(**{key: "no"}))


def test_optimisers_take_what_is_configured():
    parameter = [nn.Parameter(torch.zeros(1))]
    sgd = optimiser(config())(parameter).param_groups[0]
    assert (sgd["lr"], sgd["momentum"], sgd["weight_decay"]) == (0.1, 0.9, 1e-4)
    adam = optimiser(config(name="adam", lr=1e-3))(parameter)
    assert type(adam) is torch.optim.Adam


def images(n=10):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)
    scale = Normalisation(*NORMALISATIONS["cifar10"])
    return SequenceSplit(pixels, torch.arange(n) % 2, pixel_scale=scale)


class Constant(nn.Module):
    """Says class 1 of everything; in training mode it would say 0."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, 1.0]))

    def forward(self, x):
        return self.bias.flip(0).expand(len(x), 2) if self.training else self.bias.expand(len(x), 2)


def test_accuracy_is_of_evaluation_mode():
    split, model = images(9), Constant()
    assert accuracy(model, split, batch_size=4) == pytest.approx(100 * 4 / 9)
    assert model.training


def test_calibration_batches():
    first, second = (calibration_batches(images(), 8, 4, seed=s) for s in (0, 0))
    assert [b.shape for b in first] == [(4, 3, 8, 8)] * 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
