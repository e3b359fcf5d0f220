"""C5: with a sketch, steps to high accuracy do not depend on the condition of A; F3."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.recovery.ground_truth import orthonormal
from common.recovery.rates import first_below
from common.sketching.sketches import KINDS
from papers.altmin_completion.least_squares import (
    plain_least_squares,
    preconditioner,
    sketched_least_squares,
)


def run(context: RunContext) -> TaskResult:
    """By k: ``steps_k*``, of the sketched solver to ``bound`` at the largest condition;
    ``steps_gap_k*``, more than at the smallest; ``plain_k*``, the error of plain conjugate
    gradients after its steps; ``cond_<kind>_c*_k*`` of A R^-1, over F3 for Gaussian sketches."""
    task, seed = context.config.task, context.config.seed
    metrics: dict[str, float] = {}
    for k in task.widths:
        rng = np.random.default_rng([seed, k])
        steps = {}
        for power in task.powers:
            a, b = problem(task.rows, k, power, task.noise, rng)
            best = torch.linalg.lstsq(a, b[:, None], driver="gels").solution[:, 0]
            norm = float((a @ best).norm())
            sketch = KINDS["hadamard"](task.factor * k, task.rows, rng)
            found = sketched_least_squares(a, b, sketch, task.steps)
            errors = [float((a @ (x - best)).norm()) / norm for x in found]
            steps[power] = first_below(errors, task.bound) + 1
            context.stop.raise_if_set()
        plain = plain_least_squares(a, b, task.plain_steps)[-1]
        metrics |= {
            f"steps_k{k}": steps[max(task.powers)],
            f"steps_gap_k{k}": abs(steps[max(task.powers)] - steps[min(task.powers)]),
            f"plain_k{k}": float((a @ (plain - best)).norm()) / norm,
        }
        for factor in task.factors:
            law = (1 + factor**-0.5) / (1 - factor**-0.5)
            sketch = KINDS["gaussian"](factor * k, task.rows, rng)
            metrics[f"cond_gaussian_c{factor}_k{k}"] = condition(a, sketch.apply(a)) / law
        hadamard = KINDS["hadamard"](task.factor * k, task.rows, rng)
        count = KINDS["count"](task.count_factor * k, task.rows, rng)
        metrics |= {
            f"cond_hadamard_k{k}": condition(a, hadamard.apply(a)),
            f"cond_count_k{k}": condition(a, count.apply(a)),
        }
    return TaskResult(metrics)


def problem(
    rows: int, k: int, power: float, noise: float, rng: np.random.Generator
) -> tuple[Float[Tensor, "n k"], Float[Tensor, " n"]]:
    """A = Q diag(1 .. 10^-power) Q'^T, and b = A x with noise of a part of its size."""
    values = torch.logspace(0, -power, k, dtype=torch.float64)
    a = orthonormal(rows, k, rng) * values @ orthonormal(k, k, rng).mT
    b = a @ torch.from_numpy(rng.standard_normal(k))
    drawn = torch.from_numpy(rng.standard_normal(rows))
    return a, b + noise * b.norm() / drawn.norm() * drawn


def condition(a: Float[Tensor, "n k"], sketched: Float[Tensor, "s k"]) -> float:
    """Of A R^-1."""
    q = torch.linalg.solve_triangular(preconditioner(sketched), a, upper=True, left=False)
    return float(torch.linalg.cond(q))
