"""C3: k = r, geometric; C4, C7: k > r, geometric with a rate like alpha^2; C5: beside S."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from omegaconf import DictConfig

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
    _check(context.config.task)
    metrics = exact(context)
    context.stop.raise_if_set()
    imbalance, curves = imbalanced(context)
    context.stop.raise_if_set()
    return TaskResult(metrics | imbalance | both(context), curves=curves)


def _check(task: DictConfig) -> None:
    alphas = list(task.alphas)
    if len(task.alpha_steps) != len(alphas) or len(set(alphas)) != len(alphas):
        raise InvalidInputError(
            f"task.alpha_steps={list(task.alpha_steps)}, task.alphas={alphas}; allowed: a number "
            f"of steps for every scale, no scale twice."
        )
    for name in ("scaled_alphas", "halved_alphas"):
        given = list(task[name])
        if len(given) < 2 or not set(given) <= set(alphas):
            raise InvalidInputError(
                f"task.{name}={given}; allowed: two or more of task.alphas={alphas}."
            )
    for large, small in pairwise(task.halved_alphas):
        if not math.isclose(large, 2 * small):
            raise InvalidInputError(
                f"task.halved_alphas={list(task.halved_alphas)}; allowed: each half of the one "
                f"before."
            )


def exact(context: RunContext) -> dict[str, float]:
    """k = r: ``ratio`` of successive errors on a window, its ``gap`` to (1 - eta s_r)^2, that to R2
    (``gap_law``) and the ``steps`` to 1e-20; a small start on equal and unequal values, a large one
    on unequal."""
    task, found = context.config.task, {}
    for names, values, alphas in (
        (["equal"], task.spectrum, [task.small]),
        (["unequal", "large"], task.unequal, [task.small, task.large]),
    ):
        factors, errors = _descent(context, values, len(values), alphas, task.exact_steps)
        laws = ratio(exact_rate(factors), task.eta)
        for name, run, law in zip(names, errors.T, laws, strict=True):
            measured = np.exp(geometric(run, 1e-3, 1e-20).slope)
            found |= {
                f"exact_ratio_{name}": float(measured),
                f"exact_gap_{name}": abs(measured - ratio(min(values), task.eta)),
                f"exact_gap_law_{name}": abs(measured - float(law)),
                f"exact_steps_{name}": first_below(run, 1e-20),
            }
    return found


def imbalanced(context: RunContext) -> tuple[dict[str, float], dict[str, list[float]]]:
    """k > r, one start at every alpha: ``c`` = slope / (eta alpha^2), the largest ``spread`` of c
    over alpha, relative to its mean; ``gap`` to R3's slope, relative; ``lambda``, the rate itself;
    ``steps`` to 1e-12. And the errors' curves.

    Scales with as many steps share a batch. Others do not: a batch steps until its slowest run is
    done, and the smallest alpha takes more steps than all the others together.
    """
    task, found = context.config.task, {}
    curves: dict[str, list[float]] = {}
    rank = len(task.spectrum)
    for steps in sorted(set(task.alpha_steps)):
        alphas = [a for a, s in zip(task.alphas, task.alpha_steps, strict=True) if s == steps]
        factors, errors = _descent(context, task.spectrum, task.width, alphas, steps, halt=1e-26)
        context.stop.raise_if_set()
        rates = imbalanced_rate(factors, rank).tolist()
        for alpha, run, rate in zip(alphas, errors.T, rates, strict=True):
            slope = -geometric(run, 1e-14, 1e-24).slope
            law = -np.log(ratio(rate, task.eta))
            name = f"a{alpha:g}"
            curves |= trajectory(f"error_{name}", run)
            found |= {
                f"alpha_c_{name}": slope / (task.eta * alpha**2),
                f"alpha_gap_{name}": abs(slope / law - 1),
                f"alpha_lambda_{name}": rate,
                f"alpha_steps_{name}": first_below(run, 1e-12),
            }
    cs = [found[f"alpha_c_a{alpha:g}"] for alpha in task.scaled_alphas]
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
