"""Layer-wise training (hierarchical_polynomials): ridge regression on random features, and kernel
ridge regression, beside scikit-learn; and how far the whole is from its two matrix products."""

import time

import torch

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from papers.hierarchical_polynomials import kernels
from papers.hierarchical_polynomials.models import ThreeLayerNet, activation
from papers.hierarchical_polynomials.problems import Problem
from papers.hierarchical_polynomials.targets import Link, feature
from papers.hierarchical_polynomials.training import moments_of, train

SIZE, SAMPLES, WIDTH = 32, 8192, 2000


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    target = Problem(
        feature("balanced", SIZE, 2), Link((0.0, 1.0, 1.0)), SIZE, 0, torch.device("cpu")
    )
    first, second = target.halves(2 * SAMPLES)
    net = ThreeLayerNet(SIZE, WIDTH, 256, activation(2), torch.Generator().manual_seed(0))
    rows = net.features(first.x)
    square = torch.randn(WIDTH, WIDTH, dtype=torch.float64)

    def products() -> None:
        """F^T F, and as many operations as a Cholesky factor, at the rate of a product."""
        rows.mT @ rows
        square[:, : WIDTH // 6] @ square[: WIDTH // 6]

    cases = {
        "ours": lambda: moments_of(net, first).ridge(1.0),
        "products": products,
        "kernel": lambda: kernels.errors(
            kernels.gaussian, second.first(2048), first.first(64), [0.1]
        ),
    }
    if peer:
        from sklearn.kernel_ridge import KernelRidge
        from sklearn.linear_model import Ridge

        array, y = first.x.numpy(), first.y.numpy()
        ridge = Ridge(alpha=float(SAMPLES), solver="cholesky", fit_intercept=False)
        cases["scikit-learn"] = lambda: ridge.fit(net.features(first.x).numpy(), y)
        few = second.first(2048)
        points, values = few.x.float().numpy(), few.y.float().numpy()
        machine = KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / (4 * SIZE))
        cases["KernelRidge"] = lambda: machine.fit(points, values).predict(array[:64])
    seconds = interleaved_medians(cases, rounds)
    start = time.perf_counter()
    train(net, first.first(SAMPLES // 2), second.first(SAMPLES // 2))
    whole = time.perf_counter() - start
    title = f"hierarchical_polynomials, d {SIZE}, m2 {WIDTH}, float64"
    found = [
        Measurement(
            title, f"features and ridge, {SAMPLES} rows", seconds["ours"], "s", ("<=", 4.0)
        ),
        Measurement(title, "products / ours", seconds["products"] / seconds["ours"], "x"),
        Measurement(title, f"both stages, n {SAMPLES}, nine ridges", whole, "s"),
    ]
    if peer:
        found += [
            Measurement(
                title, "Ridge / ours", seconds["scikit-learn"] / seconds["ours"], "x", (">=", 0.9)
            ),
            Measurement(
                title,
                "KernelRidge / ours, float32, 2,048 rows",
                seconds["KernelRidge"] / seconds["kernel"],
                "x",
                (">=", 0.9),
            ),
        ]
    return found
