"""U7: how much of a random target r numbers can express, whatever the atoms; U2: counts."""

from __future__ import annotations

import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.loldu.accounting import counts
from papers.loldu.decompositions import Atoms, decompose


def run(context: RunContext) -> TaskResult:
    """``captured_<atoms>``: part of the energy of a Gaussian target that the best coefficients of
    the first r atoms of another Gaussian matrix hold, mean over draws; ``expected``: r / (m n)."""
    task = context.config.task
    if task.rank > task.size:
        raise InvalidInputError(
            f"task.rank={task.rank} of matrices of {task.size} rows; allowed: 1 to {task.size}."
        )
    generator = torch.Generator().manual_seed(context.config.seed)
    captured: dict[str, list[float]] = {"ldu": [], "svd": [], "random": []}
    shape = (task.size, task.size)
    for draw in range(task.draws):
        weight, target = (
            torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        for name, values in captured.items():
            atoms = decompose(weight, name, draw).first(task.rank)
            values.append(captured_energy(atoms, target))
    metrics = {f"captured_{name}": sum(v) / len(v) for name, v in captured.items()}
    metrics["expected"] = task.rank / (task.size * task.size)
    return TaskResult(metrics | counts())


def captured_energy(atoms: Atoms, target: Tensor) -> float:
    """Of the projection of a target onto the span of the atoms: r unknowns, normal equations."""
    gram = (atoms.left.mT @ atoms.left) * (atoms.right @ atoms.right.mT)
    right = ((atoms.left.mT @ target) * atoms.right).sum(1)
    return float(right @ torch.linalg.solve(gram, right) / target.square().sum())
