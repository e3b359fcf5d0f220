"""C9: how many random features are best under differential privacy."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.recovery.rates import line
from common.sketching.random_features import RandomFeatures
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.simulation import Simulation
from papers.private_similarity.tasks.vectors import median_distance


def run(context: RunContext) -> TaskResult:
    """By n: ``v_n*``, variance over features of the data's average; ``best_n*``, the number of
    features of least error over I* = eps n sqrt(v) / 2; ``error_n*``, that error (root of the mean
    square), ``clipped_n*`` of the same answers cut to [0, 1], ``over_law_n*`` of it over the root
    of 4 sqrt(v) / (eps n), the least mean square; ``noise_ratio_least`` and ``_largest`` of the
    noise's deviation over 2 sqrt(I) / (eps n); ``error_slope`` of ln error over ln n;
    ``gaussian_spread`` of the noise over I, rho-zCDP, largest over smallest, ``gaussian_over_law``
    over 1 / (n sqrt(rho))."""
    task, seed = context.config.task, context.config.seed
    rng = np.random.default_rng(seed)
    metrics: dict[str, float] = {}
    ratios, best = [], []
    for n in task.counts:
        x = torch.from_numpy(rng.standard_normal((n, task.size))).float()
        y = torch.from_numpy(rng.standard_normal((task.queries, task.size))).float()
        bandwidth = median_distance(x, y)
        exact = exact_average(x, y, "gaussian", bandwidth)
        v = variance(x, y, bandwidth, task.probes, seed)
        ideal = task.epsilon * n * math.sqrt(v) / 2
        counts = [max(1, round(ideal * factor)) for factor in task.factors]
        errors, clipped = np.zeros(len(counts)), np.zeros(len(counts))
        mechanism = Laplace(task.epsilon, Simulation([seed, n]))
        for release in context.track(range(task.releases), f"releases, n = {n}"):
            # Numbers of features share a draw: the smaller takes the first of the larger's.
            whole = draw(task.size, counts[-1], bandwidth, [seed, n, release])
            for i, count in enumerate(counts):
                released = KernelSums.release(x, mechanism, first(whole, count))
                found = released.query(y).double()
                errors[i] += float((found - exact).square().mean())
                clipped[i] += float((found.clamp(0, 1) - exact).square().mean())
        errors = np.sqrt(errors / task.releases)
        ratios += [
            noise(released.map, y, n, mechanism, task.noise_draws)
            / (2 * math.sqrt(count) / (task.epsilon * n))
            for count, released in (
                (c, KernelSums(first(whole, c), torch.empty(0))) for c in counts
            )
        ]
        best.append(errors.min())
        metrics |= {
            f"v_n{n}": v,
            f"ideal_n{n}": ideal,
            f"best_n{n}": task.factors[int(errors.argmin())],
            f"error_n{n}": float(errors.min()),
            f"clipped_n{n}": math.sqrt(float(clipped[errors.argmin()]) / task.releases),
            f"over_law_n{n}": float(
                errors.min() / math.sqrt(4 * math.sqrt(v) / (task.epsilon * n))
            ),
        }
        for factor, error in zip(task.factors, errors, strict=True):
            metrics[f"error_n{n}_f{factor:g}"] = float(error)
    gaussian = Gaussian(task.rho, Simulation([seed, 1]))
    spread = [noise(first(whole, c), y, n, gaussian, task.noise_draws) for c in counts]
    return TaskResult(
        metrics
        | {
            "noise_ratio_least": min(ratios),
            "noise_ratio_largest": max(ratios),
            "error_slope": line(np.log(task.counts), np.log(best)).slope,
            "gaussian_spread": max(spread) / min(spread),
            "gaussian_over_law": spread[-1] * n * math.sqrt(task.rho),
        }
    )


def draw(size: int, count: int, bandwidth: float, seed: list[int]) -> FeatureMap:
    """Features with a phase, as the comparator has them."""
    return FeatureMap.draw(size, count, bandwidth=bandwidth, paired=False, seed=seed)


def first(whole: FeatureMap, count: int) -> FeatureMap:
    """The first features of a draw."""
    drawn = whole.features
    part = RandomFeatures(drawn.frequencies[:count], drawn.phases[:count])
    return FeatureMap(part, None, whole.dimensions)


def variance(
    x: Float[Tensor, "n d"], y: Float[Tensor, "q d"], bandwidth: float, probes: int, seed: int
) -> float:
    """Over features, of the average over the data of z(x) z(y), mean over queries."""
    probe = draw(x.shape[1], probes, bandwidth, [seed, 99])
    # Features of the map are over sqrt(probes).
    products = probes * probe.total(x) / len(x) * probe.apply(y).double()
    return float(products.var(1).mean())


def noise(
    feature_map: FeatureMap,
    y: Float[Tensor, "q d"],
    n: int,
    mechanism: Laplace | Gaussian,
    draws: int,
) -> float:
    """Deviation of the noise in answers over releases of no points' mean, root mean square over
    queries."""
    features = feature_map.apply(y).double()
    sensitivity = feature_map.features.largest_norms[mechanism.norm - 1] / n
    zero = torch.zeros(feature_map.features.features, dtype=torch.float64)
    answers = torch.stack([features @ mechanism.release(zero, sensitivity) for _ in range(draws)])
    return math.sqrt(float(answers.square().mean()))
