"""C6: polynomial features; C7: low rank and sparse; C8: both under noise."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from papers.sensitivity_sampling import families, laws
from papers.sensitivity_sampling.sensitivities import sensitivities


def run(context: RunContext) -> TaskResult:
    """Polynomials of degree q: ``total_q*_p*``, S, ``linear_q*_p*`` over p q + 1, ``lifted_q*_p*``
    over q ceil(p / 2) + 1, and ``worst_q*_p*`` over d^{p/2}. ``sparse_total_p*``: S of low rank and
    sparse, ``sparse_bound_p*`` over its bound by supports, ``sparse_theorem_p*`` over the
    theorem's, ``sparse_gaussian_p*`` over S of normal rows. ``several_p*``: S of polynomials of
    several variables over (p q + 1)^k.
    Noise: ``moved_e*``, relative change of S by the size of entries; ``small_noise_p*``, S over
    2^p (S + 1) of the matrix without noise that is as small as the theorem asks;
    ``small_moved_p*``, its change; ``lift_rank`` and ``noisy_lift_rank``, of products of
    columns."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    metrics: dict[str, float] = {}
    for q in task.degrees:
        for p in task.powers:
            total = sensitivities(families.chebyshev(task.grid, q), p).total[1]
            name = f"q{q}_p{p:g}"
            metrics |= {
                f"total_{name}": total,
                f"linear_{name}": total / laws.polynomial_total(q, p),
                f"lifted_{name}": total / laws.lifted_total(q, p),
                f"worst_{name}": total / (q + 1) ** (p / 2),
            }
            context.stop.raise_if_set()
    sparse = families.low_rank_plus_sparse(task.rows, task.columns, task.rank, rng)
    for p in task.sparse_powers:
        total = sensitivities(sparse, p).total[1]
        bound = laws.low_rank_sparse_total(task.columns, task.rank, 1, p)
        metrics |= {
            f"sparse_total_p{p:g}": total,
            f"sparse_bound_p{p:g}": total / bound,
            f"sparse_theorem_p{p:g}": total
            / laws.theorem_low_rank_sparse(task.columns, task.rank, 1, p),
            f"sparse_gaussian_p{p:g}": total / laws.gaussian_total(task.columns, p),
        }
    q, k = task.several_degree, task.variables
    several = families.chebyshev_product(task.several_grid, q, k)
    for p in task.powers:
        total = sensitivities(several, p).total[1]
        metrics[f"several_p{p:g}"] = total / laws.several_variables_total(q, k, p)
        context.stop.raise_if_set()
    features = families.chebyshev(task.grid, max(task.degrees))
    metrics |= noisy(features, task.noises, task.noise_power, rng)
    context.stop.raise_if_set()
    for p in task.powers:
        noise = torch.from_numpy(rng.standard_normal(tuple(features.shape)))
        size = torch.linalg.svdvals(features)[-1] / (2 * len(features) ** (1 + 1 / p))
        noise = noise * size / torch.linalg.matrix_norm(noise, 2)
        clean, moved = (sensitivities(a, p).total[1] for a in (features, features + noise))
        metrics[f"small_noise_p{p:g}"] = moved / (2**p * (clean + 1))
        metrics[f"small_moved_p{p:g}"] = abs(moved / clean - 1)
    return TaskResult(metrics)


def noisy(
    features: Float[Tensor, "n d"], sizes: list[float], p: float, rng: np.random.Generator
) -> dict[str, float]:
    """S, and the rank of the lift, under normal noise of some sizes of an entry."""
    clean = sensitivities(features, p).total[1]
    metrics = {"lift_rank": lift_rank(features)}
    for size in sizes:
        moved = features + size * torch.from_numpy(rng.standard_normal(tuple(features.shape)))
        metrics[f"moved_e{size:g}"] = abs(sensitivities(moved, p).total[1] / clean - 1)
        if size == min(sizes):
            metrics["noisy_lift_rank"] = lift_rank(moved)
    return metrics


def lift_rank(features: Float[Tensor, "n d"]) -> float:
    """Of all products of two columns; singular values above 1e-10 of the largest count."""
    i, j = torch.triu_indices(features.shape[1], features.shape[1])
    values = torch.linalg.svdvals(features[:, i] * features[:, j])
    return float((values > 1e-10 * values[0]).sum())
