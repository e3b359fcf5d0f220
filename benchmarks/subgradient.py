"""The sub-gradient method (subgm): a trajectory, alone and in a batch, against a plain loop.

The roofline of one run is the reading of the measurements, twice a step; that of a batch the same
two products by themselves. A step's length takes the eigenvalues of a d x d matrix, run by run:
they are shown beside.
"""

import numpy as np
import torch

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.recovery.sensing import gaussian
from papers.subgm.models import batch, follow, spectral_start
from papers.subgm.problem import Noise, draw
from papers.subgm.steps import Decaying

STEPS = 20
BATCH = 16


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return [m for size, number in ((20, 600), (50, 1500)) for m in of_size(size, number, rounds)]


def of_size(size: int, number: int, rounds: int) -> list[Measurement]:
    noise = Noise(0.1, 10.0)
    problem = draw(size, [1.0] * 3, number, noise, np.random.default_rng(0))
    dense = gaussian(number, (size, size), np.random.default_rng(0), 1.0)
    start = spectral_start(problem.y, problem.sensing, 10, 1e-3)
    rule = Decaying()

    def ours(runs: int):
        u = batch([start] * runs)
        return lambda: follow(u, problem.y, problem.sensing, rule, STEPS, problem.truth)

    def plain():
        """As one would write it in NumPy, by the whole matrices."""
        rows, y = dense.rows.numpy(), problem.y.numpy()
        truth, u = problem.truth.numpy(), start.numpy().copy()
        for t in range(STEPS):
            product = u @ u.T
            np.linalg.norm(product - truth)
            residual = rows @ product.ravel() - y
            q = (np.sign(residual) @ rows).reshape(size, size) / number
            q = (q + q.T) / 2
            u = u - 0.25 * 0.98**t / np.linalg.norm(q, 2) * q @ u

    rows = problem.sensing.rows
    one = torch.ones(1, rows.shape[1], dtype=torch.float64)
    many = torch.ones(BATCH, rows.shape[1], dtype=torch.float64)

    def products(of: torch.Tensor):
        def read() -> None:
            for _ in range(STEPS):
                of @ rows.mT @ rows

        return read

    symmetric = torch.from_numpy(np.random.default_rng(1).standard_normal((BATCH, size, size)))
    symmetric = symmetric + symmetric.mT

    def eigenvalues() -> None:
        for _ in range(STEPS):
            torch.linalg.eigvalsh(symmetric)

    seconds = interleaved_medians(
        {
            "one": ours(1),
            "batch": ours(BATCH),
            "plain": plain,
            "read": products(one),
            "products": products(many),
            "eigenvalues": eigenvalues,
        },
        rounds,
    )
    title = f"subgm, d {size}, {number} measurements, float64"
    each = seconds["batch"] / BATCH
    return [
        Measurement(title, "a step", 1e6 * seconds["one"] / STEPS, "us"),
        Measurement(title, "plain NumPy / ours", seconds["plain"] / seconds["one"], "x"),
        Measurement(
            title, f"plain NumPy / one of {BATCH}", seconds["plain"] / each, "x", (">=", 6.0)
        ),
        Measurement(title, f"alone / one of {BATCH}", seconds["one"] / each, "x", (">=", 4.0)),
        Measurement(
            title,
            f"products of {BATCH} / step of {BATCH}",
            seconds["products"] / seconds["batch"],
            "x",
            (">=", 0.6),
        ),
        Measurement(
            title,
            f"eigenvalues of {BATCH} / step of {BATCH}",
            seconds["eigenvalues"] / seconds["batch"],
            "x",
        ),
        Measurement(title, "two readings / a step", seconds["read"] / seconds["one"], "x"),
    ]
