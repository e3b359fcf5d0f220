"""C6, C7, C10, C11, C15: some measurements are grossly wrong."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.subgm.losses import Huber, Loss, Squared
from papers.subgm.models import Trajectory, batch, follow, spectral_start
from papers.subgm.problem import Noise, Problem, draw
from papers.subgm.steps import Decaying, Rule


def run(context: RunContext) -> TaskResult:
    """``error_k*``, last, by r', and ``error``, that of the last r' named, ``relative`` to the
    truth, and its ``best`` iterate's; ``width_gap`` of the two last r', relative; ``large_ratio``,
    the error of a larger start over that of the small one; ``squares_last``, ``squares_best`` of
    least squares, and the latter over the method's; with ablations ``*_last`` and ``*_ratio`` to
    the method's (see ``ablations``)."""
    task = context.config.task
    rng = np.random.default_rng(context.config.seed)
    noise = Noise(task.fraction, task.outlier)
    given = draw(task.size, [1.0] * task.rank, task.measurements, noise, rng)
    given = given.to(device(context.config.trainer))
    rule = Decaying(task.eta0, task.rho)
    widest = task.widths[-1]
    starts = [spectral_start(given.y, given.sensing, k, task.alpha) for k in task.widths]
    large = spectral_start(given.y, given.sensing, widest, task.large_alpha)
    followed = _follow(context, given, batch([*starts, large]), rule)
    last = followed.last
    metrics = {f"error_k{k}": last[i] for i, k in enumerate(task.widths)}
    ours = last[len(starts) - 1]
    if len(starts) > 1:
        metrics["width_gap"] = abs(last[len(starts) - 2] / ours - 1)
    metrics |= {
        "error": ours,
        "relative": ours / float(given.truth.norm()),
        "best": followed.best[len(starts) - 1],
        "large_ratio": last[-1] / ours,
    }
    start = spectral_start(given.y, given.sensing, task.squares_width, task.alpha)[None]
    squares = _follow(
        context, given, start, Decaying(task.squares_eta, 1.0, "none"), loss=Squared()
    )
    metrics |= {
        "squares_last": squares.last[0],
        "squares_best": squares.best[0],
        "squares_over": squares.best[0] / ours,
    }
    if task.ablations:
        metrics |= ablations(context, given, starts[-1][None], ours)
    return TaskResult(metrics)


def ablations(
    context: RunContext, given: Problem, start: Float[Tensor, "1 d k"], ours: float
) -> dict[str, float]:
    """``constant``: a step that does not decay; ``plain``: nor is divided by a norm; ``huber``: its
    loss; ``frobenius``: that norm, and ``frobenius_slow`` with a slower decay."""
    task = context.config.task
    rules: dict[str, tuple[Rule, Loss | None]] = {
        "constant": (Decaying(task.eta0, 1.0), None),
        "plain": (Decaying(task.eta0, 1.0, "none"), None),
        "huber": (Decaying(task.eta0, task.rho), Huber(task.huber)),
        "frobenius": (Decaying(task.eta0, task.rho, "frobenius"), None),
        "frobenius_slow": (Decaying(task.eta0, task.slow_rho, "frobenius"), None),
    }
    found: dict[str, float] = {}
    for name, (rule, loss) in rules.items():
        last = _follow(context, given, start, rule, loss=loss).last[0]
        found |= {f"{name}_last": last, f"{name}_ratio": last / ours}
    return found


def _follow(
    context: RunContext,
    given: Problem,
    start: Float[Tensor, "b d k"],
    rule: Rule,
    loss: Loss | None = None,
) -> Trajectory:
    found = follow(
        start, given.y, given.sensing, rule, context.config.task.steps, given.truth, loss
    )
    context.stop.raise_if_set()
    return found
