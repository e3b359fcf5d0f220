"""C2, C3: how large the noise of an answer is, against its closed form; arities and kinds of noise
beside."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from papers.private_similarity.annuli import Annuli
from papers.private_similarity.mechanisms import (
    DiscreteLaplace,
    Gaussian,
    Laplace,
    NoiseMechanism,
)
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.problems import draw
from papers.private_similarity.simulation import NoNoise, Simulation


def run(context: RunContext) -> TaskResult:
    """``std_ratio_a*``, empirical over closed form at R / 3; ``epsilon_slope`` of ln deviation over
    ln epsilon; ``dimension_slope`` over ln d; ``constant_*`` of the closed form: deviation epsilon
    sqrt(alpha) / (R h^1.5), its exponents in alpha and h; ``arity_*``, ``noise_*`` and
    ``consistent``: deviations at epsilon 1, alpha 0.1, R / 3. In closed form, by height, ``tree_*``
    and ``flat_*`` deviations, and ``level_*``, the first height at which the tree's is the smaller
    (one beyond the last where none is)."""
    task = context.config.task
    metrics = closed_form(list(task.heights), list(task.alphas)) | against_flat(task)
    for alpha, (found, law) in at_a_third(context).items():
        metrics[f"std_ratio_a{alpha:g}"] = found / law
    spread = [
        deviation(context, 1, Laplace(epsilon, Simulation([context.config.seed, 1, i])))
        for i, epsilon in enumerate(task.epsilons)
    ]
    metrics["epsilon_slope"] = line(np.log(task.epsilons), np.log(spread)).slope
    grown = [
        deviation(context, d, Laplace(1.0, Simulation([context.config.seed, 2, d])))
        for d in task.dimensions
    ]
    metrics["dimension_slope"] = line(np.log(task.dimensions), np.log(grown)).slope
    return TaskResult(metrics | kinds(context))


def at_a_third(context: RunContext) -> dict[float, tuple[float, float]]:
    """By alpha: deviation over releases, and in closed form. Alphas share releases."""
    task, seed = context.config.task, context.config.seed
    x, y = points(context, 1), torch.tensor([[1 / 3]], dtype=torch.float64)
    mechanism = Laplace(1.0, Simulation([seed, 3]))
    answers: dict[float, list[float]] = {alpha: [] for alpha in task.alphas}
    for _ in range(task.releases):
        released = DistanceSums.release(x, mechanism, height=task.height)
        for alpha, found in answers.items():
            found.append(float(released.query(y, alpha)))
        context.stop.raise_if_set()
    return {
        alpha: (float(np.std(found)), float(released.deviation(y, mechanism, alpha)))
        for alpha, found in answers.items()
    }


def points(context: RunContext, d: int) -> Float[Tensor, "n d"]:
    """Uniform; what the noise is does not depend on them."""
    task = context.config.task
    return draw("uniform", task.points, d, np.random.default_rng([context.config.seed, d]))


def deviation(context: RunContext, d: int, mechanism: NoiseMechanism) -> float:
    """Root of the mean over queries of the variance over releases, alpha 0.1."""
    task, rng = context.config.task, np.random.default_rng([context.config.seed, d, 1])
    x, y = points(context, d), torch.from_numpy(rng.random((task.queries, d)))
    answers = []
    for _ in range(task.releases):
        answers.append(DistanceSums.release(x, mechanism, height=task.height).query(y))
        context.stop.raise_if_set()
    return math.sqrt(float(torch.stack(answers).var(0, correction=0).mean()))


def closed_form(heights: list[int], alphas: list[float]) -> dict[str, float]:
    """Of epsilon = R = 1, the query a third of the way."""
    found = {}
    for h in heights:
        for alpha in alphas:
            found[h, alpha] = tree_deviation(h, alpha)
    constants = [std * math.sqrt(alpha) / h**1.5 for (h, alpha), std in found.items()]
    over_alpha = [line(np.log(alphas), np.log([found[h, a] for a in alphas])) for h in heights]
    over_height = [line(np.log(heights), np.log([found[h, a] for h in heights])) for a in alphas]
    return {
        "constant_least": min(constants),
        "constant_largest": max(constants),
        "alpha_exponent_least": min(fit.slope for fit in over_alpha),
        "alpha_exponent_largest": max(fit.slope for fit in over_alpha),
        "height_exponent_least": min(fit.slope for fit in over_height),
        "height_exponent_largest": max(fit.slope for fit in over_height),
    }


def against_flat(task) -> dict[str, float]:
    """Of epsilon = R = 1, the query a third of the way."""
    found, heights = {}, range(min(task.heights), max(task.flat_heights) + 1)
    for alpha in task.flat_alphas:
        better = []
        for h in heights:
            tree, flat = tree_deviation(h, alpha), flat_deviation(h)
            better.append(tree < flat)
            if h in task.flat_heights:
                found |= {f"tree_h{h}_a{alpha:g}": tree, f"flat_h{h}": flat}
        first = better.index(True) if True in better else len(better)
        found[f"level_a{alpha:g}"] = float(heights[0] + first)
    return found


def tree_deviation(height: int, alpha: float) -> float:
    """Of the tree's answer."""
    leaf = torch.tensor([2**height // 3])
    return math.sqrt(2 * float(Annuli(2**height, alpha).variance(leaf, height))) * (height + 1)


def flat_deviation(height: int) -> float:
    """Of a flat histogram's: sqrt(2) times the root of the sum of the leaves' squared distances."""
    leaf, leaves = 2**height // 3, 2**height
    squares = sum(m * (m + 1) * (2 * m + 1) // 6 for m in (leaf, leaves - 1 - leaf))
    return math.sqrt(2 * squares) / leaves


def kinds(context: RunContext) -> dict[str, float]:
    """Deviations of other trees and other noise, as many leaves or nearly; consistent ones by
    releases."""
    task, seed = context.config.task, context.config.seed
    x, y = points(context, 1), torch.tensor([[1 / 3]], dtype=torch.float64)
    laplace = Laplace(1.0, Simulation([seed, 4]))
    found = {}
    for arity in task.arities:
        height = max(1, round(task.height / math.log2(arity)))
        released = DistanceSums.release(x, NoNoise(), height=height, arity=arity)
        found[f"arity_{arity}"] = float(released.deviation(y, laplace))
    binary = DistanceSums.release(x, NoNoise(), height=task.height)
    for name, mechanism in {
        "discrete": DiscreteLaplace(1.0, laplace.backend),
        "gaussian": Gaussian.of(1.0, task.delta, laplace.backend),
    }.items():
        found[f"noise_{name}"] = float(binary.deviation(y, mechanism))
    answers = [
        float(DistanceSums.release(x, laplace, height=task.height).query(y, counts="consistent"))
        for _ in range(task.releases)
    ]
    return found | {"consistent": float(np.std(answers))}
