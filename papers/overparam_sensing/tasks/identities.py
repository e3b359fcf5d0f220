"""I1 to I4 and the toy R5 (C6), and what a step that is not simultaneous loses (C15)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.recovery.ground_truth import diagonal, low_rank
from common.recovery.rates import line
from common.recovery.sensing import Population, gaussian
from papers.overparam_sensing.laws import next_imbalance, next_outside, toy, toy_slope
from papers.overparam_sensing.models import Alternating, Asymmetric, Start, Symmetric, descend


def run(context: RunContext) -> TaskResult:
    """``imbalance_*``: defect of I1, of the method and of alternating steps, with measurements too;
    ``outside_*``: of I2 and I3. ``drift``: relative change of F^T F - G^T G over a run, and
    ``drift_ratio`` to that at half the rate and twice the steps. ``toy_*``: straight-line fits of
    R5. ``parted_*`` and ``alternating_last``: C15."""
    return TaskResult(_one_step(context) | _drift(context) | _toy(context) | _alternating(context))


def _one_step(context: RunContext) -> dict[str, float]:
    task, seed = context.config.task, context.config.seed
    size, rank = task.size, len(task.spectrum)
    rng = np.random.default_rng([seed, 1])
    found: dict[str, float] = {}
    sensings = {
        "population": Population((size, size)),
        "sensing": gaussian(2 * size, (size, size), rng, (2 * size) ** -0.5),
    }
    for name, sensing in sensings.items():
        truth = low_rank(task.spectrum, size, size, rng)
        found[f"imbalance_{name}"] = _defect(
            Asymmetric(*_start(task, seed)), truth, sensing, task.eta
        )
    truth, population = diagonal(task.spectrum, size), sensings["population"]
    found["imbalance_alternating"] = _defect(
        Alternating(*_start(task, seed), lambda p: p - truth), truth, population, task.eta
    )
    f, g = _start(task, seed)
    x, both = Symmetric(f.clone()), Asymmetric(f.clone(), g.clone())
    for factors in (x, both):
        factors.step(factors.product() - truth, task.eta)
    wanted = {
        "symmetric": (x.x, next_outside(f[:, rank:], f, task.eta)),
        "left": (both.f, next_outside(f[:, rank:], g, task.eta)),
        "right": (both.g, next_outside(g[:, rank:], f, task.eta)),
    }
    for name, (factor, rows) in wanted.items():
        found[f"outside_{name}"] = float((factor[:, rank:] - rows).abs().max())
    return found


def _start(task, seed: int) -> tuple[Tensor, Tensor]:
    return Start(task.size, task.size, task.width).draw([seed], [task.alpha])


def _defect(factors: Asymmetric, truth: Tensor, sensing, eta: float) -> float:
    """Largest entry of what a step makes of the imbalance, less what I1 says."""
    m = sensing.normal(factors.product() - truth)
    wanted = next_imbalance(factors, m, eta)
    factors.step(m, eta)
    return float((factors.imbalance() - wanted).abs().max())


def _drift(context: RunContext) -> dict[str, float]:
    task = context.config.task
    truth, population = diagonal(task.spectrum, task.size), Population((task.size, task.size))
    changes = []
    for eta, steps in ((task.eta, task.steps), (task.eta / 2, 2 * task.steps)):
        factors = Asymmetric(*_start(task, context.config.seed))
        before = factors.imbalance()
        descend(factors, truth, population, eta, steps)
        context.stop.raise_if_set()
        changes.append(float((factors.imbalance() - before).norm() / before.norm()))
    return {"drift": changes[0], "drift_ratio": changes[0] / changes[1]}


def _toy(context: RunContext) -> dict[str, float]:
    """Of ln e against t and against ln t, from equal and from unequal starts."""
    task, found = context.config.task, {}
    for name, g, (first, last) in (
        ("equal", 1.0, task.toy_equal),
        ("unequal", 1 / 3, task.toy_unequal),
    ):
        errors, f = toy(1.0, g, task.eta, last)
        t = np.arange(first, last + 1)
        logs = np.log(np.array(errors)[t])
        straight, power = line(t, logs), line(np.log(t), logs)
        better, worse = (power, straight) if name == "equal" else (straight, power)
        found |= {
            f"toy_{name}_slope": better.slope,
            f"toy_{name}_residual": better.residual,
            f"toy_{name}_residual_ratio": better.residual / worse.residual,
        }
    found["toy_unequal_law"] = abs(found["toy_unequal_slope"] / toy_slope(f, task.eta) - 1)
    return found


def _alternating(context: RunContext) -> dict[str, float]:
    """From G_0 = F_0: how far the factors part, in alternating and in simultaneous steps; and the
    last error of alternating steps from an ordinary start."""
    task = context.config.task
    truth, population = diagonal(task.spectrum, task.size), Population((task.size, task.size))
    f, _ = _start(task, context.config.seed)
    parted = {}
    for name, factors in (
        ("alternating", Alternating(f.clone(), f.clone(), lambda p: p - truth)),
        ("simultaneous", Asymmetric(f.clone(), f.clone())),
    ):
        descend(factors, truth, population, task.eta, task.parting_steps)
        parted[f"parted_{name}"] = float((factors.f - factors.g).abs().max())
    factors = Alternating(*_start(task, context.config.seed), lambda p: p - truth)
    errors = descend(factors, truth, population, task.eta, task.alternating_steps)
    return parted | {"alternating_last": float(errors[-1, 0])}
