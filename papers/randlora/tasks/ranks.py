"""R3: the update has full rank; R4: sharing A costs no dimension."""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from common.experiment.context import RunContext, TaskResult
from papers.randlora.bases import Bases, Law, number_of_bases
from papers.randlora.models import RandLoRA


def run(context: RunContext) -> TaskResult:
    """``rank_error``: largest difference of an update's rank from min(n r, d) over random shapes.

    Ranks along a training with AdamW from both starts, as ``lambda_zero_rank_1`` after the first
    step; stable rank and singular values at its end. ``dimension_error``: of the Jacobian's rank
    from n (r + d - 1), A shared and separate."""
    task, seed = context.config.task, context.config.seed
    generator = torch.Generator().manual_seed(seed)
    worst = 0
    for _ in context.track(range(task.shapes), "shapes"):
        worst = max(worst, abs(rank_gap(generator)))
    metrics: dict[str, float] = {"rank_error": worst}
    curves = {}
    for init in ("lambda_zero", "gamma_zero"):
        ranks, values = trajectory(task.size, task.rank, init, task.steps, seed)
        metrics |= {f"{init}_rank_{step}": ranks[step] for step in range(3)}
        metrics[f"{init}_rank_end"] = ranks[-1]
        metrics[f"{init}_stable_rank"] = float(values.square().sum() / values[0] ** 2)
        curves[f"{init}_singular_values"] = values.tolist()
    for separate, name in ((False, "shared"), (True, "separate")):
        metrics[f"dimension_error_{name}"] = max(
            abs(jacobian_rank(*shape, separate) - dimension(*shape)) for shape in task.jacobians
        )
    metrics["size"], metrics["rank"] = task.size, task.rank
    return TaskResult(metrics, curves=curves)


def made(rows: int, columns: int, rank: int, number: int, seed: int, init: str = "gamma_zero"):
    """An update in float64 on normal bases."""
    bases = Bases(rows, columns, rank, number, Law("normal"), seed).double()
    return RandLoRA((rows, columns), bases, number, 1.0, init).double()


def rank_gap(generator: torch.Generator) -> int:
    """Of one random shape, with random diagonals: the rank found minus min(n r, d)."""
    short = int(torch.randint(4, 40, (), generator=generator))
    rows = short + int(torch.randint(0, 20, (), generator=generator))
    rank = int(torch.randint(1, short // 2 + 1, (), generator=generator))
    number = int(torch.randint(1, number_of_bases(short, rank) + 1, (), generator=generator))
    update = made(rows, short, rank, number, rows)
    with torch.no_grad():
        for parameter in update.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return int(torch.linalg.matrix_rank(update.change())) - min(number * rank, short)


def trajectory(
    size: int, rank: int, init: str, steps: int, seed: int
) -> tuple[list[int], Float64[Tensor, "size"]]:
    """Ranks before and after each step of AdamW to a Gaussian target, and the last spectrum."""
    torch.manual_seed(seed)
    update = made(size, size, rank, number_of_bases(size, rank), seed, init)
    target = torch.randn(size, size).double()
    optimiser = torch.optim.AdamW(update.parameters(), 1e-2, weight_decay=0.1)
    ranks = [int(torch.linalg.matrix_rank(update.change()))]
    for _ in range(steps):
        optimiser.zero_grad()
        (update.change() - target).square().sum().backward()
        optimiser.step()
        ranks.append(int(torch.linalg.matrix_rank(update.change())))
    return ranks, torch.linalg.svdvals(update.change().detach())


def dimension(rows: int, columns: int, rank: int) -> int:
    """n (r + d - 1): every base has one scale that lambda and gamma share."""
    return number_of_bases(columns, rank) * (rank + columns - 1)


def jacobian_rank(rows: int, columns: int, rank: int, separate: bool) -> int:
    """Of the update's derivative with respect to lambda and gamma, at a random point."""
    number = number_of_bases(columns, rank)
    bases = Bases(rows, columns, rank, number, Law("normal"), 0, separate=separate).double()
    update = RandLoRA((rows, columns), bases, number, 1.0, "gamma_zero").double()
    torch.manual_seed(0)
    for parameter in update.parameters():
        nn.init.normal_(parameter)

    found = []
    for entry in update.change().flatten():
        grads = torch.autograd.grad(entry, list(update.parameters()), retain_graph=True)
        found.append(torch.cat([grad.flatten() for grad in grads]))
    return int(torch.linalg.matrix_rank(torch.stack(found)))
