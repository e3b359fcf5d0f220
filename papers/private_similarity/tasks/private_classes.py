"""C12: classes by average similarity, against DP-SGD on the same features."""

from __future__ import annotations

import statistics
import time

import torch
from jaxtyping import Float, Int
from omegaconf import OmegaConf
from torch import Tensor

from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.private_similarity.class_means import ClassMeans
from papers.private_similarity.class_sums import ClassSums
from papers.private_similarity.dp_sgd import DPSGD, logits, noise_multiplier
from papers.private_similarity.kernels import FeatureMap, KernelSums
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.opendp_backend import OpenDP
from papers.private_similarity.simulation import NoNoise, Simulation


def run(context: RunContext) -> TaskResult:
    """Test accuracies, per cent, by epsilon: ``average_e*``, ``nearest_mean_e*``,
    ``laplace_nearest_mean_e*`` (delta 0), ``dpsgd_e*``, the best of its settings on the test set,
    and ``mlp_e*``; ``*_without``, no noise; ``release_seconds``, median; ``dpsgd_seconds_e*`` of
    the training that was best; ``speedup_e*`` of the one over the other. ``opendp_seconds`` of a
    release whose noise may be called private."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    x, y, asked, truth = (
        torch.from_numpy(part).to(where)
        for part in (
            *_first(data.train.x, data.train.y, task.train),
            *_first(data.test.x, data.test.y, task.test),
        )
    )
    classes = data.n_classes

    def accuracy(scores: Float[Tensor, "q classes"]) -> float:
        return 100 * float((scores.argmax(1) == truth).double().mean())

    still = ClassMeans.release(x, y, classes, NoNoise())
    metrics = {
        f"{rule}_without": accuracy(still.scores(asked, rule))
        for rule in ("average", "nearest_mean")
    }
    seconds = []
    for i, epsilon in enumerate(task.epsilons):
        mechanism = Gaussian.of(epsilon, task.delta, Simulation([seed, i]))
        for _ in range(task.repeats):
            begun = time.perf_counter()
            ClassMeans.release(x, y, classes, mechanism)
            seconds.append(time.perf_counter() - begun)
        means = ClassMeans.release(x, y, classes, mechanism)
        pure = ClassMeans.release(x, y, classes, Laplace(epsilon, Simulation([seed, i, 1])))
        metrics |= {
            f"average_e{epsilon:g}": accuracy(means.scores(asked)),
            f"nearest_mean_e{epsilon:g}": accuracy(means.scores(asked, "nearest_mean")),
            f"laplace_nearest_mean_e{epsilon:g}": accuracy(pure.scores(asked, "nearest_mean")),
        }
    metrics["release_seconds"] = statistics.median(seconds)
    begun = time.perf_counter()
    ClassMeans.release(x, y, classes, Gaussian.of(task.epsilons[0], task.delta, OpenDP()))
    metrics["opendp_seconds"] = time.perf_counter() - begun
    for epsilon in task.epsilons:
        found = [train(context, x, y, classes, epsilon, *cell) for cell in grid(task)]
        scored = [(accuracy(logits(layers, asked)), taken) for layers, taken in found]
        best, taken = max(scored)
        metrics |= {
            f"dpsgd_e{epsilon:g}": best,
            f"dpsgd_seconds_e{epsilon:g}": taken,
            f"speedup_e{epsilon:g}": taken / metrics["release_seconds"],
        }
    metrics |= by_structures(context, x, y, asked, truth, classes)
    for epsilon in task.mlp_epsilons:
        cells = [cell for cell in grid(task) if cell[0] == task.samplings[0]]
        found = [train(context, x, y, classes, epsilon, *cell, task.hidden) for cell in cells]
        metrics[f"mlp_e{epsilon:g}"] = max(accuracy(logits(layers, asked)) for layers, _ in found)
    return TaskResult(
        metrics,
        [data_entry(data)],
        notes=["Rates and sampling of DP-SGD are chosen on the test set: in its favour."],
    )


def by_structures(
    context: RunContext,
    x: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    asked: Float[Tensor, "q d"],
    truth: Int[Tensor, " q"],
    classes: int,
) -> dict[str, float]:
    """``kernel_e*`` by average Gaussian kernels of bandwidth 1, ``l1_e*`` by sums of l1 distances,
    of the first ``structure_queries`` rows of the test; pure epsilon-DP."""
    task, seed = context.config.task, context.config.seed
    some, wanted = asked[: task.structure_queries], truth[: task.structure_queries]
    found = {}
    for i, epsilon in enumerate(task.mlp_epsilons):
        noise = Laplace(epsilon, Simulation([seed, i, 2]))
        drawn = FeatureMap.draw(x.shape[1], task.features, seed=seed)
        ways = {
            "kernel": (lambda rows, n=noise, m=drawn: KernelSums.release(rows, n, m), False),
            "l1": (
                lambda rows, n=noise: DistanceSums.release(rows, n, low=-1, height=task.height),
                True,
            ),
        }
        for name, (build, distances) in ways.items():
            sums = ClassSums.release(x, y, classes, build, distances=distances)
            right = sums.scores(some).argmax(1) == wanted
            found[f"{name}_e{epsilon:g}"] = 100 * float(right.double().mean())
            context.stop.raise_if_set()
    return found


def grid(task) -> list[tuple[float, int, float]]:
    """Sampling, steps, rate.

    Raises:
        InvalidInputError: not as many numbers of steps as samplings.
    """
    if len(task.samplings) != len(task.steps):
        raise InvalidInputError(
            f"samplings={list(task.samplings)} and steps={list(task.steps)}; wanted: as many."
        )
    pairs = zip(task.samplings, task.steps, strict=True)
    return [(q, steps, rate) for q, steps in pairs for rate in task.rates]


def train(
    context: RunContext,
    x: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    classes: int,
    epsilon: float,
    sampling: float,
    steps: int,
    rate: float,
    hidden: int = 0,
) -> tuple[list[Tensor], float]:
    """Weights, and seconds without the accounting."""
    task = context.config.task
    noise = noise_multiplier(epsilon, task.delta, sampling, steps)
    settings = DPSGD(sampling, steps, rate, noise, task.clip, hidden)
    begun = time.perf_counter()
    layers = settings.train(x, y, classes, context.config.seed, context.stop.raise_if_set)
    return layers, time.perf_counter() - begun


def _first(x, y, count: int):
    """The first rows; all for 0."""
    return (x[:count], y[:count]) if count else (x, y)
