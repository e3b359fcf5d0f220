"""C7: what a projection does to a Gaussian kernel, by closed form and on images."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.sketching.sketches import gaussian
from papers.private_similarity.kernels import exact_average
from papers.private_similarity.tasks.vectors import Vectors, vectors


def run(context: RunContext) -> TaskResult:
    """``law_d*_k*_s*``: mean of exp(-||G v||^2) less (1 + 2 s / k)^(-k / 2), in standard errors;
    ``law_largest`` of their sizes; ``jl_n*``: mean |average kernel of projected images - that of
    images|, over queries and draws of G; ``jl_gap``, relative, of the last n to the first;
    ``jl_k*`` of other k at the last n."""
    task = context.config.task
    metrics = laws(context)
    metrics["law_largest"] = max(map(abs, metrics.values()))
    data = vectors(context, max(task.counts), task.queries)
    exact = {n: exact_average(data.x[:n], data.y, "gaussian", data.bandwidth) for n in task.counts}
    means = errors(context, data, exact, task.kept)
    metrics |= {f"jl_n{n}": mean for n, mean in means.items()}
    most = {task.counts[-1]: exact[task.counts[-1]]}
    for k in task.kept_beside:
        (metrics[f"jl_k{k}"],) = errors(context, data, most, k).values()
    first, last = means[task.counts[0]], means[task.counts[-1]]
    metrics["jl_gap"] = abs(last / first - 1)
    return TaskResult(metrics, [data.entry])


def errors(
    context: RunContext, data: Vectors, exact: dict[int, Float[Tensor, " q"]], kept: int
) -> dict[int, float]:
    """By the number of images, mean over queries and projections."""
    task, seed = context.config.task, context.config.seed
    found: dict[int, list[float]] = {n: [] for n in exact}
    for i in context.track(range(task.projections), f"projections to {kept}"):
        sketch = gaussian(kept, data.x.shape[1], np.random.default_rng([seed, i]))
        x, y = (sketch.apply(part.mT).mT for part in (data.x, data.y))
        for n in exact:
            reduced = exact_average(x[:n], y, "gaussian", data.bandwidth)
            found[n].append(float((reduced - exact[n]).abs().mean()))
    return {n: float(np.mean(values)) for n, values in found.items()}


def laws(context: RunContext) -> dict[str, float]:
    """One G serves all lengths s = ||v||^2."""
    task, found = context.config.task, {}
    for d in task.dimensions:
        rng = np.random.default_rng([context.config.seed, d, 7])
        v = torch.from_numpy(rng.standard_normal((d, 1)))
        v /= v.norm()
        for k in task.projected:
            squares = np.array(
                [float(gaussian(k, d, rng).apply(v).square().sum()) for _ in range(task.draws)]
            )
            for s in task.lengths:
                values = np.exp(-s * squares)
                error = values.std(ddof=1) / math.sqrt(len(values))
                law = (1 + 2 * s / k) ** (-k / 2)
                found[f"law_d{d}_k{k}_s{s:g}"] = float((values.mean() - law) / error)
            context.stop.raise_if_set()
    return found
