"""E1 and E3: classify sequences, on Long Range Arena or for one size of the perturbation."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from common.data.sequence import SequenceData
from common.experiment.context import RunContext, TaskResult
from common.trainers.fit import FitResult
from common.trainers.sequence_task import load_data, report
from common.trainers.sequence_task import train as train_sequence_model
from papers.s5_ptd.models import build, initial_basis
from papers.s5_ptd.optimizer import rules
from papers.s5_ptd.ptd import PTDResult


def run(context: RunContext) -> TaskResult:
    """Train a classifier, select the best validation epoch, score it on the test set."""
    config = context.config
    data = load_data(context)
    basis, solution = initial_basis(config.model, cache=cache(context), track=context.track)
    model = build(config.model, data, basis)
    fitted = train(context, model, data)
    result = report(config, data, fitted, model)
    result.metrics |= perturbation(solution)
    return result


def cache(context: RunContext) -> Path:
    """Where solved perturbations are kept."""
    return context.data.root / "ptd"


def train(context: RunContext, model: nn.Module, data: SequenceData, **objective) -> FitResult:
    """Train with this paper's parameter groups."""
    grouped = rules(context.config.model, context.config.optimizer)
    return train_sequence_model(context, model, data, grouped, **objective)


def perturbation(solution: PTDResult | None) -> dict[str, float]:
    """The metrics of a perturbed start."""
    if solution is None:
        return {}
    return {"kappa": solution.kappa, "perturbation_ratio": solution.ratio}
