"""C3: k = r, geometric; C4, C7: k > r, geometric with a rate like alpha^2; C5: beside S."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from common.recovery.ground_truth import diagonal
from common.recovery.rates import first_below, geometric
from common.recovery.sensing import Population
from common.recovery.trajectory import trajectory
from papers.overparam_sensing.laws import exact_rate, imbalanced_rate, ratio
from papers.overparam_sensing.models import Asymmetric, Start, Symmetric, descend


def run(context: RunContext) -> TaskResult:
    """``exact_*`` (C3), ``alpha_*`` (C4, C7), ``both_*`` (C5); see each function."""
    task = context.config.task
    named = {*task.scaled_alphas, *task.halved_alphas}
    if not named <= {*task.alphas} or len(task.alphas) != len(task.alpha_steps):
        raise InvalidInputError(
            f"task.alphas={list(task.alphas)}, alpha_steps={list(task.alpha_steps)}; allowed: as "
            f"many of both, among them all of scaled_alphas and halved_alphas, {sorted(named)}."
        )
    metrics = exact(context)
    context.stop.raise_if_set()
    imbalance, curves = imbalanced(context)
    context.stop.raise_if_set()
    return TaskResult(metrics | imbalance | both(context), curves=curves)


def exact(context: RunContext) -> dict[str, float]:
    """k = r: ``ratio`` of successive errors on a window, its ``gap`` to (1 - eta s_r)^2, that to R2
    (``gap_law``) and the ``steps`` to 1e-20; a small start on equal and unequal values, a large one
    on unequal."""
    task, found = context.config.task, {}
    for name, values, alpha in (
        ("equal", task.spectrum, task.small),
        ("unequal", task.unequal, task.small),
        ("large", task.unequal, task.large),
    ):
        factors, errors = _descent(context, values, len(values), [alpha], task.exact_steps)
        measured = np.exp(geometric(errors[:, 0], 1e-3, 1e-20).slope)
        law = float(ratio(exact_rate(factors), task.eta))
        found |= {
            f"exact_ratio_{name}": float(measured),
            f"exact_gap_{name}": abs(measured - ratio(min(values), task.eta)),
            f"exact_gap_law_{name}": abs(measured - law),
            f"exact_steps_{name}": first_below(errors[:, 0], 1e-20),
        }
    return found


def imbalanced(context: RunContext) -> tuple[dict[str, float], dict[str, list[float]]]:
    """k > r, one start at every alpha: ``c`` = slope / (eta alpha^2), the largest ``spread`` of c
    over alpha, relative to its mean; ``gap`` to R3's slope, relative; ``lambda``, the rate itself;
    ``steps`` to 1e-12. And the errors' curves."""
    task, found = context.config.task, {}
    curves: dict[str, list[float]] = {}
    cs = []
    rank = len(task.spectrum)
    for alpha, steps in zip(task.alphas, task.alpha_steps, strict=True):
        factors, errors = _descent(context, task.spectrum, task.width, [alpha], steps, halt=1e-26)
        context.stop.raise_if_set()
        slope = -geometric(errors[:, 0], 1e-14, 1e-24).slope
        rate = float(imbalanced_rate(factors, rank))
        law = -np.log(ratio(rate, task.eta))
        name = f"a{alpha:g}"
        curves |= trajectory(f"error_{name}", errors[:, 0])
        found |= {
            f"alpha_c_{name}": slope / (task.eta * alpha**2),
            f"alpha_gap_{name}": abs(slope / law - 1),
            f"alpha_lambda_{name}": rate,
            f"alpha_steps_{name}": first_below(errors[:, 0], 1e-12),
        }
        if alpha in task.scaled_alphas:
            cs.append(found[f"alpha_c_{name}"])
    found["alpha_spread"] = max(abs(c / np.mean(cs) - 1) for c in cs)
    for large, small in pairwise(task.halved_alphas):
        a, b = f"a{large:g}", f"a{small:g}"
        name = f"{large:g}_to_{small:g}"
        found[f"halved_lambda_{name}"] = found[f"alpha_lambda_{a}"] / found[f"alpha_lambda_{b}"]
        found[f"halved_steps_{name}"] = found[f"alpha_steps_{b}"] / found[f"alpha_steps_{a}"]
    return found, curves


def both(context: RunContext) -> dict[str, float]:
    """The same target and start under A and S: ``asymmetric`` and ``symmetric`` last errors; and
    ``tied``, the largest difference of the factors of A from those of S where G_0 = F_0 (I4)."""
    task, seed = context.config.task, context.config.seed
    where = device(context.config.trainer)
    _, errors = _descent(context, task.spectrum, task.width, [task.large], task.both_steps)
    x, _ = Start(task.size, task.size, task.width).draw([seed], [task.large])
    truth, population = diagonal(task.spectrum, task.size).to(where), Population((task.size,) * 2)
    symmetric = Symmetric(x.clone().to(where))
    tied = Asymmetric(x.clone().to(where), x.clone().to(where))
    sublinear = descend(symmetric, truth, population, task.eta, task.both_steps)
    descend(tied, truth, population, task.eta, task.both_steps)
    apart = max(float((factor - symmetric.x).abs().max()) for factor in tied.tensors())
    return {
        "both_asymmetric": float(errors[-1, 0]),
        "both_symmetric": float(sublinear[-1, 0]),
        "both_tied": apart,
    }


def _descent(
    context: RunContext,
    values: list[float],
    width: int,
    alphas: list[float],
    steps: int,
    halt: float = 0.0,
) -> tuple[Asymmetric, np.ndarray]:
    task, where = context.config.task, device(context.config.trainer)
    f, g = Start(task.size, task.size, width).draw([context.config.seed], alphas)
    factors = Asymmetric(f.to(where), g.to(where))
    population = Population((task.size, task.size))
    truth = diagonal(values, task.size).to(where)
    return factors, descend(factors, truth, population, task.eta, steps, halt=halt)
