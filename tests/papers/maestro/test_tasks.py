"""Settings of the tasks: what they mean, and what is refused before anything is trained."""

from __future__ import annotations

import re
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from common.errors import InvalidInputError
from common.trainers.rates import constant
from papers.maestro.models import MaestroModule, OrderedDecomposition
from papers.maestro.networks import LeNet
from papers.maestro.schema import ShrinkingTask
from papers.maestro.tasks import copy_reverse
from papers.maestro.tasks.calibration import check_calibration
from papers.maestro.tasks.cuts import check_cuts
from papers.maestro.tasks.decay import SparingVectors
from papers.maestro.tasks.settings import check_settings
from papers.maestro.tasks.shrinking import check_dense
from papers.maestro.tasks.warming import check_warm_up, later


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "none"}, "task.method='none'"),
        ({"method": "dense", "group_lasso": 0.1}, "no effect"),
        ({"method": "spectral", "full_pass": False}, "no effect"),
        ({"rank_ratio": 0.5}, "no effect"),
        ({"method": "pufferfish", "last_dense": True}, "no effect"),
    ],
)
def test_settings_of_other_methods(settings, said):
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        check_settings(OmegaConf.structured(ShrinkingTask(**settings)))


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"first_dense": 5}, False),
        ({"first_dense": 4}, True),
        ({"first_dense": 4, "last_dense": True}, False),
        ({"first_dense": 4, "method": "pufferfish"}, False),
        ({"first_dense": 5, "method": "dense"}, True),
    ],
)
def test_a_layer_has_to_be_left(settings, fits):
    task = OmegaConf.structured(ShrinkingTask(**settings))
    with nullcontext() if fits else pytest.raises(InvalidInputError, match="leaves no layer"):
        check_dense(LeNet(), task)


@pytest.mark.parametrize(
    ("epochs", "schedule", "fits"),
    [
        (0, "linear", True),
        (1, "linear", False),
        (9, "constant", True),
        (10, "constant", False),
        (4, "steps", True),
        (5, "steps", False),
        (-1, "constant", False),
    ],
)
def test_a_warm_up_has_to_fit(epochs, schedule, fits):
    config = OmegaConf.create(
        {
            "task": {"warmup_epochs": epochs},
            "train": {"epochs": 10},
            "optimizer": {"schedule": schedule, "milestones": [0.5, 0.75]},
        }
    )
    with nullcontext() if fits else pytest.raises(InvalidInputError, match=r"task\.warmup_epochs"):
        check_warm_up(SimpleNamespace(config=config))


@pytest.mark.parametrize("parts", [[], [0.5], [1.0, 1.5], [1.0, 0.0]])
def test_parts(parts):
    with pytest.raises(InvalidInputError, match=r"task\.parts"):
        check_cuts(["one_layer"], parts)


@pytest.mark.parametrize("samplings", [[], ["some_layers"]])
def test_samplings(samplings):
    with pytest.raises(InvalidInputError, match=r"task\.samplings"):
        check_cuts(samplings, [1.0])


@pytest.mark.parametrize("images", [-1, 11])
def test_calibration(images):
    context = SimpleNamespace(config=OmegaConf.create({"task": {"calibration": images}}))
    with pytest.raises(InvalidInputError, match="0 to 10, the training images"):
        check_calibration(context, range(10))


def test_refused_before_anything_is_loaded(smoke):
    status, record = smoke("cut_resnet", "task.parts=[0.5]")
    assert status == 2
    assert "task.parts=[0.5]" in record["reason"]


def test_milestones_after_a_warm_up_are_at_the_same_epochs():
    assert later([0.5, 0.75], 80, 300) == [70 / 220, 145 / 220]


def test_decay_spares_vectors():
    model = LeNet()
    method = OrderedDecomposition(model, [], sampling="none")

    class Spared(SparingVectors, MaestroModule):
        pass

    optimiser = partial(torch.optim.SGD, lr=0.1, weight_decay=0.01)
    module = Spared(model, optimiser, constant(), method=method)
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
    assert [len(group["params"]) for group in groups] == [5, 5]
    assert all(p.ndim == 1 for p in groups[1]["params"])


def test_sequences_are_repeated_or_said_backwards():
    (source, before), answers = copy_reverse.batch(torch.Generator().manual_seed(0), 50, 6)
    answers = answers.view(50, 6)
    assert source.shape == (50, 7)
    for row, order in enumerate(source[:, 0].tolist()):
        symbols = source[row, 1:]
        assert torch.equal(answers[row], symbols.flip(0) if order == 12 else symbols)
    assert set(source[:, 0].tolist()) == {copy_reverse.COPY, copy_reverse.REVERSE}
    assert torch.equal(before[:, 1:], answers[:, :-1])
    assert (before[:, 0] == copy_reverse.START).all()
    assert isinstance(nn.Embedding(copy_reverse.VOCABULARY, 2)(source), torch.Tensor)
