"""T6: U V^T is the gradient of the nuclear norm, and a sub-gradient where there is none."""

from __future__ import annotations

import torch
from torch import Tensor

from common.compression.forms import CHANNEL, SPATIAL
from common.experiment.context import RunContext, TaskResult
from papers.trp.projection import project, truncate

SHAPES = ((6, 20), (12, 12), (20, 6))
_STEP = 1e-5  # of the difference quotient; its error is of the square of this


def run(context: RunContext) -> TaskResult:
    """Largest error of the directional derivative; smallest slack of the inequality."""
    generator = torch.Generator().manual_seed(context.config.seed)
    points = context.config.task.points
    error = max(derivative_error(generator, shape, points) for shape in SHAPES)
    slack = min(slack_of(generator, shape, points) for shape in SHAPES)
    return TaskResult(
        {
            "derivative_error": error,
            "smallest_slack": slack,
            "folded_error": max(folded_error(generator, form) for form in (CHANNEL, SPATIAL)),
        }
    )


def derivative_error(generator: torch.Generator, shape: tuple[int, int], directions: int) -> float:
    """Of <U V^T, D>, against central differences of the norm, for a matrix of full rank."""
    matrix = _normal(generator, *shape)
    U, _, Vh = truncate(matrix, 0.0)
    largest = 0.0
    for _ in range(directions):
        D = _normal(generator, *shape)
        D /= torch.linalg.vector_norm(D)
        ahead, behind = (_nuclear(matrix + sign * _STEP * D) for sign in (1, -1))
        slope = (ahead - behind) / (2 * _STEP)
        largest = max(largest, abs(float((U @ Vh * D).sum()) - slope))
    return largest


def slack_of(generator: torch.Generator, shape: tuple[int, int], points: int) -> float:
    """Smallest ||Y|| - ||M|| - <U_r V_r^T, Y - M> over Y, near M and far, M of deficient rank."""
    rank = min(shape) // 2
    matrix = _normal(generator, shape[0], rank) @ _normal(generator, rank, shape[1])
    U, _, Vh = truncate(matrix, 1e-20)
    smallest = float("inf")
    for number in range(points):
        Y = matrix + 10.0 ** (-number % 4) * _normal(generator, *shape)
        gap = _nuclear(Y) - _nuclear(matrix) - float((U @ Vh * (Y - matrix)).sum())
        smallest = min(smallest, gap)
    return smallest


def folded_error(generator: torch.Generator, form) -> float:
    """Of the sub-gradient as a weight: its inner product with W is the nuclear norm of the cut."""
    weight = _normal(generator, 8, 6, 3, 3)
    found = project(weight, form, 0.1)
    product = float((found.subgradient() * found.weight()).sum())
    return abs(product / float(found.factors.S.sum()) - 1)


def _nuclear(matrix: Tensor) -> float:
    return float(torch.linalg.svdvals(matrix).sum())


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
