"""C13: ratings of films, MovieLens-100K."""

from __future__ import annotations

import math

import torch
from omegaconf import OmegaConf

from common.data.catalogue import load
from common.data.ratings import SHAPE, Entries
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.altmin_completion.biases import Biases
from papers.altmin_completion.models import alternate, spectral_start
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Exact


def run(context: RunContext) -> TaskResult:
    """Root mean squared errors on the test ratings, predictions clipped to 1 to 5: ``mean``,
    ``biases``, their residuals completed by ``exact`` and ``cg2`` half rounds, and
    ``plain_exact``, of ratings less their mean alone. ``short``, users and films with fewer ratings
    than the rank."""
    task = context.config.task
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    train, test = (_observed(split).to(where) for split in (data.train, data.test))
    biases = Biases.fit(train, task.bias_ridge, task.sweeps)
    known, wanted = (biases.at(part.rows, part.columns) for part in (train, test))
    mean = float(train.values.mean())

    def error(predicted: torch.Tensor) -> float:
        return float((predicted.clamp(1, 5) - test.values).square().mean().sqrt())

    metrics = {
        "mean": error(torch.full_like(test.values, mean)),
        "biases": error(wanted),
    }
    rest = Observed(train.shape, train.rows, train.columns, train.values - known)
    plain = Observed(train.shape, train.rows, train.columns, train.values - mean)
    for name, residuals, base, solver in (
        ("exact", rest, wanted, Exact(ridge=task.ridge)),
        ("cg2", rest, wanted, ConjugateGradient(2, ridge=task.ridge)),
        ("plain_exact", plain, mean, Exact(ridge=task.ridge)),
    ):
        start = spectral_start(residuals, task.rank, math.inf)
        found = alternate(residuals, start, task.rounds, solver)
        part = (found.left[test.rows] * found.right[test.columns]).sum(-1)
        metrics[name] = error(base + part)
        context.stop.raise_if_set()
    metrics["short"] = float(found.short)
    return TaskResult(metrics, [data_entry(data)])


def _observed(split: Entries) -> Observed:
    places = (torch.from_numpy(part) for part in (split.users, split.items))
    return Observed(SHAPE, *places, torch.from_numpy(split.stars))
