"""S6: an increment of full rank, which no increment of rank r can be."""

from __future__ import annotations

from common.experiment.context import RunContext, TaskResult
from papers.sst.bound import Matrix, least_error, orthogonal_increment
from papers.sst.methods import LORA, RELORA, SST, Method, apply
from papers.sst.training import Recipe, train


def run(context: RunContext) -> TaskResult:
    """Errors over the bound: the least of LoRA over all steps, the last and the least of SST and
    ReLoRA*. Adam, the rate falls linearly, each method the same."""
    task, seed = context.config.task, context.config.seed
    start, target = orthogonal_increment(task.size)
    bound = least_error(target - start, task.rank)
    metrics, curves = {"bound": bound}, {}
    for name in (LORA, RELORA, SST):
        model = Matrix(start, target)
        method = Method(
            name,
            task.rank,
            iteration_steps=task.iteration_steps,
            restart_warmup=task.restart_warmup,
            round_iterations=task.round_iterations,
        )
        errors: list[float] = []

        def loss(step: int, model: Matrix = model, errors: list[float] = errors):
            error = model.error()
            errors.append(float(error.detach()) / bound)
            return 0.5 * error**2

        train(
            apply(model, method, seed=seed),
            loss,
            Recipe(task.steps, task.lr),
            between=context.stop.raise_if_set,
        )
        errors.append(float(model.error().detach()) / bound)
        metrics[f"{name}_least"] = min(errors)
        metrics[f"{name}_last"] = errors[-1]
        curves[f"error_{name}"] = errors[:: max(1, task.steps // 100)]
    return TaskResult(metrics, curves=curves)
