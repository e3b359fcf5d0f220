"""How well conditioned are the eigenvectors: optimised, randomly perturbed, not perturbed?"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.figures import require_matplotlib
from common.kernels.hippo import legs
from papers.s5_ptd import figures
from papers.s5_ptd.models import ginibre
from papers.s5_ptd.ptd import PTDResult, decompose, ptd_for_ratio


def run(context: RunContext) -> TaskResult:
    """All figures of P7 (its first half), P8, P9 and P10. Nothing is read from the cache: timed."""
    task = context.config.task
    if task.figures:
        require_matplotlib()
    metrics: dict[str, float] = {}
    solved: list[tuple[int, PTDResult]] = []
    for n, ratio in zip(task.sizes, task.target_ratios, strict=True):
        begin = time.perf_counter()
        solution = solve(context, n, ratio, task.steps)
        metrics |= {
            f"seconds_n{n}": time.perf_counter() - begin,
            f"kappa_n{n}": solution.kappa,
            f"ratio_n{n}": solution.ratio,
            f"ptd_residual_n{n}": residual(legs(n)[0] + solution.E, solution.lam, solution.V),
        }
        solved.append((n, solution))
    path = path_of_ratios(context)
    solved += [(task.path_size, s) for s in path]
    metrics |= slope(path) | {
        f"path_kappa_ratio{r:g}": s.kappa for r, s in zip(task.path_ratios, path, strict=True)
    }
    optimised = solve(context, task.ginibre_size, task.ginibre_ratio, task.steps)
    solved.append((task.ginibre_size, optimised))
    random = {real: ginibre_solutions(context, real) for real in (False, True)}
    for real, solutions in random.items():
        name = "real" if real else "complex"
        metrics[f"ginibre_{name}_median_kappa"] = statistics.median(s.kappa for s in solutions)
        solved += [(task.ginibre_size, s) for s in solutions]
    metrics["optimised_kappa"] = optimised.kappa
    metrics["largest_kappa_over_davies"] = max(
        s.kappa / davies_bound(n, s.ratio) for n, s in solved
    )
    metrics |= ill_posed()
    if task.figures:
        figures.kappa_figure(context.folder, list(task.path_ratios), path, random, optimised)
    return TaskResult(metrics, facts={"ginibre_seeds": task.ginibre_samples})


def path_of_ratios(context: RunContext) -> list[PTDResult]:
    """kappa against the size of the perturbation, a fixed number of steps each."""
    task = context.config.task
    effort = {"steps": task.path_steps, "starts": task.path_starts}
    return [solve(context, task.path_size, r, **effort) for r in task.path_ratios]


def solve(context: RunContext, n: int, ratio: float, steps: int, starts: int = 3) -> PTDResult:
    """PTD of HiPPO, from the run's seed."""
    return ptd_for_ratio(
        legs(n)[0],
        ratio,
        steps=steps,
        starts=starts,
        seed=context.config.seed,
        track=context.track,
    )


def slope(path: list[PTDResult]) -> dict[str, float]:
    """Slope of log kappa on log ratio, up to a ratio of 0.03."""
    points = [(s.ratio, s.kappa) for s in path if s.ratio <= 0.0301]
    x, y = np.log(np.array(points)).T
    return {"kappa_slope": float(np.polyfit(x, y, 1)[0])}


def ginibre_solutions(context: RunContext, real: bool) -> list[PTDResult]:
    """Eigen-decompositions of A_H + E for random E of the same norm."""
    task = context.config.task
    A, _ = legs(task.ginibre_size)
    norm = task.ginibre_ratio * float(torch.linalg.matrix_norm(A, 2))
    return [
        decompose(A, ginibre(task.ginibre_size, norm, seed=seed, real=real))
        for seed in range(task.ginibre_samples)
    ]


def davies_bound(n: int, delta: float) -> float:
    """4 n^{3/2} (1 + 1/delta): some E with ||E|| <= delta ||A|| has kappa below it (Davies)."""
    return 4 * n**1.5 * (1 + 1 / delta)


def residual(A: Tensor, lam: Tensor, V: Tensor) -> float:
    """||V^-1 A V - diag(lam)||_F / ||A||_F, the error of the diagonalisation as it is used."""
    transformed = torch.linalg.solve(V, A.to(V.dtype) @ V)
    return float(
        torch.linalg.matrix_norm(transformed - torch.diag(lam)) / torch.linalg.matrix_norm(A)
    )


def ill_posed() -> dict[str, float]:
    """What happens without a perturbation."""
    metrics = {f"hippo_kappa_n{n}": exact(n).kappa for n in (8, 16)}
    A, solution = legs(32)[0], exact(32)
    metrics["hippo_residual_n32"] = residual(A, solution.lam, solution.V)
    defect = A.to(solution.V.dtype) @ solution.V - solution.V * solution.lam
    metrics["hippo_eigenpair_error_n32"] = float(
        torch.linalg.matrix_norm(defect) / torch.linalg.matrix_norm(A)
    )
    return metrics


def exact(n: int) -> PTDResult:
    """eig(A_H) as it comes."""
    A, _ = legs(n)
    return decompose(A, torch.zeros_like(A))
