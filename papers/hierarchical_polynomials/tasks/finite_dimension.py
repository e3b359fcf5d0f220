"""H5, H9: closed forms at finite d, against means over many samples."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.hierarchical_polynomials.targets import (
    Feature,
    Link,
    feature,
    second_degree_correlation,
)

BLOCK = 50_000


def run(context: RunContext) -> TaskResult:
    """``off_*``: distance of a mean from its closed form in standard errors: <h, p> of the radial
    and the balanced feature and <h, r> of the balanced one, by d, E p^3 and E p^4, and <p^2, p> of
    rank one; ``second_degree_gap``, of corr(P_2 h, p) of unequal lambda, ``second_degree``; and
    ``dominated``, where one term carries half."""
    task, metrics = context.config.task, {}
    link = Link((0.0, 1.0, 1.0))
    for size in task.sizes:
        balanced, radial = (feature(name, size, 2) for name in ("balanced", "radial"))
        root = math.sqrt(size)
        means = Means()
        for x in blocks(context, size, task.draws):
            p, r = balanced(x), radial(x)
            h = link(p)
            means.add("h_p_radial", link(r) * r, 1 + 2 / root)
            means.add("h_p_balanced", h * p, 1.0)
            means.add("h_r_balanced", h * r, 2 / root)
            means.add("cubes_radial", r**3, 2 * math.sqrt(2) / root)
            means.add("cubes_balanced", p**3, 0.0)
            means.add("fourth_balanced", p**4, 3 + 12 / size)
            means.add("variance_balanced", h.square(), 2 + 6 / size)
            means.add("cubes_rank_one", x[:, 0].square().sub(1).div(math.sqrt(2)) ** 3, 2 * 2**0.5)
            context.stop.raise_if_set()
        metrics |= {f"off_{name}_d{size}": value for name, value in means.off().items()}
    size = task.sizes[0]
    for shape, name in (("halves", "second_degree"), ("dominated", "dominated")):
        weights = feature(shape, size, 2).weights
        found = degree_two(context, weights, link, task.draws)
        metrics |= {name: found, f"{name}_exact": second_degree_correlation(weights, 1.0)}
        metrics[f"{name}_gap"] = abs(found - metrics[f"{name}_exact"])
    return TaskResult(metrics)


class Means:
    """Means of blocks, their standard errors, and what they should be."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, name: str, values: Float[Tensor, " n"], exact: float) -> None:
        kept = self.sums.setdefault(name, [0.0, 0.0, 0.0, exact])
        away = values - exact
        kept[0] += len(values)
        kept[1] += float(away.sum())
        kept[2] += float(away.square().sum())

    def off(self) -> dict[str, float]:
        """Distances in standard errors."""
        found = {}
        for name, (count, total, squares, _) in self.sums.items():
            mean = total / count
            found[name] = abs(mean) / math.sqrt((squares / count - mean**2) / count)
        return found


def degree_two(context: RunContext, weights: Float[Tensor, " d"], link: Link, draws: int) -> float:
    """corr(P_2 h, p), with P_2 h's coefficients on he_2(x_i) and on x_i x_j taken as means."""
    size = len(weights)
    p, total = Feature(2, weights), torch.zeros(size, size, dtype=torch.float64)
    for x in blocks(context, size, draws):
        h = link(p(x))
        total = total.to(x) + (x * h[:, None]).mT @ x - h.sum() * torch.eye(size).to(x)
        context.stop.raise_if_set()
    mean = total / draws
    diagonal = mean.diagonal() / math.sqrt(2)
    norm = math.sqrt(float(diagonal.square().sum() + mean.triu(1).square().sum()))
    return float(diagonal @ weights.to(diagonal)) / norm


def blocks(context: RunContext, size: int, draws: int):
    """Standard normal rows, from the run's seed."""
    generator = torch.Generator().manual_seed(context.config.seed)
    where = device(context.config.trainer)
    for start in range(0, draws, BLOCK):
        count = min(BLOCK, draws - start)
        yield torch.randn(count, size, generator=generator, dtype=torch.float64).to(where)
