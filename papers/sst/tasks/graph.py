"""S11: a hyperbolic graph net on one graph, under every method and rank; one seed."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf

from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.sst.graph_training import GraphProblem, fit
from papers.sst.hyperbolic.graph_nets import build
from papers.sst.methods import FULL, Method
from papers.sst.presets import method_of
from papers.sst.training import Recipe


def run(context: RunContext) -> TaskResult:
    """``full`` and ``<method>_<rank>``: accuracy of nodes or area under the ROC curve of links on
    the test set, per cent, of the epoch that is best on validation. All start from the same
    matrices and see the same unlinked pairs."""
    task, seed = context.config.task, context.config.seed
    if not task.methods or not task.ranks:
        raise InvalidInputError("task.methods and task.ranks need one entry or more.")
    data = load(OmegaConf.to_object(task.dataset), context.data)
    problem = GraphProblem(data, seed, device(context.config.trainer))
    recipe = Recipe(
        task.epochs,
        task.lr,
        decay=False,
        weight_decay=task.weight_decay,
        coupled=True,
        clip=task.clip,
    )
    metrics: dict[str, float] = {}
    cells = [(FULL, 1, FULL)]
    cells += [(name, rank, f"{name}_{rank}") for rank in task.ranks for name in task.methods]
    for name, rank, label in context.track(cells, "methods"):
        torch.manual_seed(seed)
        model = build(
            task.network,
            data.features.shape[1],
            data.n_classes if problem.of_nodes else 0,
            width=task.width,
            layers=task.layers,
            dropout=task.dropout,
            attention=task.attention,
            margin=task.margin,
        ).to(problem.device)
        base = Method(
            rank=rank,
            iteration_steps=task.iteration_steps,
            restart_warmup=task.restart_warmup,
            round_iterations=task.round_iterations,
        )
        best = fit(problem, model, method_of(name, base), recipe, between=context.stop.raise_if_set)
        metrics[label] = best.test
        metrics[f"{label}_val"] = best.val
        metrics[f"{label}_epoch"] = float(best.epoch)
    return TaskResult(metrics, [data_entry(data)], data.notes)
