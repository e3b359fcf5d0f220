"""C13: ratings of films, MovieLens-100K."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf

from common.data.catalogue import load
from common.data.ratings import SHAPE, Entries
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.altmin_completion.held_out import predictions, root_mean_square
from papers.altmin_completion.observed import Observed


def run(context: RunContext) -> TaskResult:
    """Root mean squared errors on the test ratings, predictions clipped to 1 to 5, by the names of
    ``predictions``. ``short``, users and films with fewer ratings than the rank."""
    task = context.config.task
    where = device(context.config.trainer)
    data = load(OmegaConf.to_object(task.dataset), context.data)
    train, test = (observed_ratings(split).to(where) for split in (data.train, data.test))
    metrics = {"short": float(train.fewer_than(task.rank))}
    for name, predicted in predictions(
        train,
        test,
        rank=task.rank,
        rounds=task.rounds,
        ridge=task.ridge,
        bias_ridge=task.bias_ridge,
        sweeps=task.sweeps,
    ):
        metrics[name] = root_mean_square(predicted.clamp(1, 5) - test.values)
        context.stop.raise_if_set()
    return TaskResult(metrics, [data_entry(data)])


def observed_ratings(split: Entries) -> Observed:
    """Users by films."""
    places = (torch.from_numpy(part) for part in (split.users, split.items))
    return Observed(SHAPE, *places, torch.from_numpy(split.stars))
