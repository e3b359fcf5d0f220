"""What a training step costs more under a method that compresses while it trains."""

import copy
from collections.abc import Callable
from itertools import count

import torch
from torch.nn import functional as F

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.compression.forms import SPATIAL
from common.nn.cifar_resnet import CifarResNet, inner_convolutions
from papers.maestro.lod import decompose
from papers.maestro.models import OrderedDecomposition
from papers.trp.models import RankPruner, projected_layers

BATCH, PERIOD = 64, 20
NAME = f"step of ResNet-20, batch {BATCH}"


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    """One plain step, one with a projection of every layer, and one of ordered decomposition."""
    torch.manual_seed(0)
    start = CifarResNet(20)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
    contestants = {"plain": _plain(copy.deepcopy(start), images, labels)}
    for name, nuclear in (("projected", 0.0), ("projected, with the penalty", 3e-4)):
        contestants[name] = _projected(copy.deepcopy(start), images, labels, nuclear)
    contestants["ordered"] = _ordered(copy.deepcopy(start), images, labels)
    seconds = interleaved_medians(contestants, min(rounds, 9))
    rows = [Measurement(NAME, name, 1e3 * value, "ms") for name, value in seconds.items()]
    for name in ("projected", "projected, with the penalty"):
        often = seconds[name] / seconds["plain"]
        rows.append(Measurement(NAME, f"{name} every step / plain", often, "x"))
        seldom = 1 + (often - 1) / PERIOD
        quantity = f"{name} every {PERIOD} steps / plain"
        rows.append(Measurement(NAME, quantity, seldom, "x", ("<=", 1.25)))
    ratio = seconds["ordered"] / seconds["plain"]
    return [*rows, Measurement(NAME, "ordered decomposition / plain", ratio, "x")]


def _plain(model, images, labels) -> Callable[[], None]:
    update = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        update.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        update.step()

    return step


def _projected(model, images, labels, nuclear: float) -> Callable[[], None]:
    pruner = RankPruner(projected_layers(model), SPATIAL, left_out=0.02, period=1, nuclear=nuclear)
    update = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    steps = count()

    def step() -> None:
        pruner.before_step(next(steps))
        update.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        pruner.before_update()
        update.step()

    return step


def _ordered(model, images, labels) -> Callable[[], None]:
    """Two passes, one of them with one layer cut."""
    layers = decompose(model, include=inner_convolutions(model))
    method = OrderedDecomposition(model, layers.values())
    update = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        update.zero_grad()
        method(images, labels).backward()
        update.step()

    return step
