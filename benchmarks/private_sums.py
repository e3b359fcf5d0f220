"""Sums over private points (private_similarity): building and asking trees, features of kernels.

The roofline of a feature build is the matrix product by itself; the peers are the same estimator as
one would write it in NumPy, all pairs, and scikit-learn's tree (extra ``sklearn``).
"""

import numpy as np
import torch

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from papers.private_similarity.kernels import FeatureMap, KernelSums, exact_average
from papers.private_similarity.mechanisms import Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.simulation import Simulation


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return trees(max(3, rounds // 5)) + features(rounds) + kernels(rounds, peer)


def trees(rounds: int) -> list[Measurement]:
    """A million points of 32 coordinates, 2^16 leaves; a batch of a thousand queries."""
    x, y = torch.rand(1_000_000, 32), torch.rand(1000, 32)
    mechanism = Laplace(1.0, Simulation(0))
    released = DistanceSums.release(x, mechanism, height=16)
    seconds = interleaved_medians(
        {
            "build": lambda: DistanceSums.release(x, mechanism, height=16),
            "query": lambda: released.query(y),
        },
        rounds,
        warmup=1,
    )
    title = "l1 trees, d 32, height 16"
    return [
        Measurement(title, "build, a million points", seconds["build"], "s", ("<=", 3.0)),
        Measurement(title, "1,000 queries", seconds["query"], "s", ("<=", 0.5)),
    ]


def features(rounds: int) -> list[Measurement]:
    """The mean of 400 features of 20,000 rows of 384 numbers, float32."""
    x = torch.randn(20_000, 384)
    drawn = FeatureMap.draw(384, 400, bandwidth=20.0, paired=False)
    matrix = drawn.features.frequencies.float().mT.contiguous()
    frequencies, phases = (part.float().numpy() for part in (matrix.mT, drawn.features.phases))

    def plain() -> np.ndarray:
        """LSQ by random Fourier features, as one would write it in NumPy."""
        return (np.sqrt(2) * np.cos(x.numpy() @ frequencies.T + phases)).mean(0)

    seconds = interleaved_medians(
        {"ours": lambda: drawn.total(x), "product": lambda: x @ matrix, "plain": plain}, rounds
    )
    title = "random features, 20,000 x 384 x 400"
    return [
        Measurement(title, "build", 1e3 * seconds["ours"], "ms"),
        Measurement(
            title, "matrix product / ours", seconds["product"] / seconds["ours"], "x", (">=", 0.6)
        ),
        Measurement(
            title, "plain NumPy / ours", seconds["plain"] / seconds["ours"], "x", (">=", 1)
        ),
    ]


def kernels(rounds: int, peer: bool) -> list[Measurement]:
    """A hundred queries of a Gaussian kernel over 20,000 points of three coordinates."""
    x, y = torch.randn(20_000, 3), torch.randn(100, 3)
    released = KernelSums.release(x, Laplace(1.0, Simulation(0)), FeatureMap.draw(3, 400))
    contestants = {
        "ours": lambda: released.query(y),
        "all pairs": lambda: exact_average(x, y, "gaussian"),
    }
    if peer:
        from sklearn.neighbors import KernelDensity

        density = KernelDensity(bandwidth=0.5**0.5, rtol=1e-2).fit(x.numpy())
        contestants["scikit-learn"] = lambda: density.score_samples(y.numpy())
    seconds = interleaved_medians(contestants, rounds)
    title = "kernel of 20,000 points, d 3, 100 queries"
    return [
        Measurement(title, "after the release", 1e3 * seconds["ours"], "ms"),
        *(
            Measurement(title, f"{name} / ours", seconds[name] / seconds["ours"], "x")
            for name in contestants
            if name != "ours"
        ),
    ]
