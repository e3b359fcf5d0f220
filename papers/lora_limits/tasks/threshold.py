"""E10: below the threshold the number of monomials is sub-polynomial in L, at it it is not."""

from __future__ import annotations

import math

from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from papers.lora_limits.threshold import point


def run(context: RunContext) -> TaskResult:
    """``log k1 / log L`` by s (in hundredths) and ln L (``e3`` is 10^3), and at real lengths."""
    task = context.config.task
    if not (task.powers and task.exponents and task.machine_bits):
        raise InvalidInputError("task.powers, task.exponents and task.machine_bits: none is empty.")
    metrics: dict[str, float] = {}
    for s in task.exponents:
        for power in task.powers:
            found = point(10.0**power, s / 100)
            metrics[f"exponent_s{s}_e{power}"] = found.exponent
            metrics[f"degree_s{s}_e{power}"] = float(found.degree)
        for bits in task.machine_bits:
            found = point(bits * math.log(2), s / 100)
            metrics[f"exponent_s{s}_bits{bits}"] = found.exponent
    metrics["smallest_on_a_machine"] = min(v for name, v in metrics.items() if "_bits" in name)
    return TaskResult(
        metrics,
        notes=[
            "asymptotics are not reached on a machine: up to L = 2^"
            f"{max(task.machine_bits)} an error of 1/L takes at least "
            f"L^{metrics['smallest_on_a_machine']:.2f} monomials"
        ],
    )
