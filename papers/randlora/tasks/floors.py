"""R5: what RandLoRA and LoRA cannot fit, and what the theorem's bound says."""

from __future__ import annotations

import torch

from common.experiment.context import RunContext, TaskResult
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.fits import Fit, best_fit, low_rank_error
from papers.randlora.targets import gaussian


def run(context: RunContext) -> TaskResult:
    """Relative squared errors on one Gaussian target.

    ``rank_one``: bases of rank 1, square; ``fixed_lambda``: only gamma is fitted, and its excess
    over 1 - n / D; ``tall``: of a matrix twice as tall, against ``tall_floor`` outside the span of
    the bases; ``randlora`` and ``lora`` at equal numbers; ``bound_over_norm``: n eps of Theorem
    4.1, of the best eps a block, over the norm of the target."""
    task, seed = context.config.task, context.config.seed
    generator = torch.Generator().manual_seed(seed)
    size, rank = task.size, task.rank
    number = number_of_bases(size, rank)
    target = gaussian(size, size, generator)
    ones = Bases(size, size, 1, size, Law("normal"), seed)
    bases = Bases(size, size, rank, number, Law("normal"), seed)
    held = Fit.of(bases)
    held.solve_gam(target)
    tall = gaussian(2 * size, size, generator)
    tall_bases = Bases(2 * size, size, 1, size, Law("normal"), seed)
    span = torch.linalg.qr(tall_bases.left(2 * size, size, torch.float64)).Q
    outside = (tall - span @ (span.mT @ tall)).square().sum() / tall.square().sum()
    eps = max(block_errors(bases, target, task.rounds))
    metrics = {
        "rank_one": best_fit(ones, target, 0).error(target),
        "fixed_lambda": held.error(target),
        "fixed_lambda_excess": held.error(target) - (1 - number / size),
        "tall": best_fit(tall_bases, tall, 0).error(tall),
        "tall_floor": float(outside),
        "randlora": best_fit(bases, target, task.rounds).error(target),
        "lora": low_rank_error(target, task.lora_rank),
        "bound_over_norm": number * eps / float(target.norm()),
        "bound": number * eps,
        "norm": float(target.norm()),
    }
    return TaskResult(metrics)


def block_errors(bases: Bases, target: torch.Tensor, rounds: int) -> list[float]:
    """Least distance of B_j diag(lambda_j) A diag(gamma_j) to each block of r singular triples."""
    left, values, right = torch.linalg.svd(target)
    rank = bases.long.shape[2]
    found = []
    for j in range(bases.long.shape[1]):
        part = slice(j * rank, (j + 1) * rank)
        block = left[:, part] * values[part] @ right[part]
        one = Fit.of(bases)
        one = Fit(one.long[:, j : j + 1], one.short[j : j + 1], one.lam[:1], one.gam[:1])
        one.solve_gam(block)
        for _ in range(rounds):
            one.solve_lam(block)
            one.solve_gam(block)
        found.append(float((block - one.update()).norm()))
    return found
