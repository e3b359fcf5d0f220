"""H11: gradient descent reaches the ridge solution, in polynomially many steps."""

from __future__ import annotations

from common.experiment.context import RunContext, TaskResult
from papers.hierarchical_polynomials.tasks.settings import network, problem
from papers.hierarchical_polynomials.training import moments_of


def run(context: RunContext) -> TaskResult:
    """``steps`` of descent on u until it is within ``relative`` of the solution's length,
    ``steps_over_bound``, of ``allowed`` / (eta xi1), ``distance`` at the end and ``largest``, the
    largest eigenvalue."""
    task = context.config.task
    first, _ = problem(context).halves(task.samples)
    moments = moments_of(network(context), first)
    largest = moments.largest()
    eta = 1 / (largest + task.ridge)
    bound = task.allowed / (eta * task.ridge)
    solution = moments.ridge(task.ridge)
    found, steps = moments.descend(task.ridge, eta, int(2 * bound), solution, task.relative)
    return TaskResult(
        {
            "steps": float(steps),
            "steps_over_bound": steps / bound,
            "distance": float((found - solution).norm() / solution.norm()),
            "largest": largest,
        }
    )
