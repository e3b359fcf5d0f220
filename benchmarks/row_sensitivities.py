"""l_p sensitivities (sensitivity_sampling): batched, against Newton row by row and a conic solver.

The roofline is the rate of a square matrix product: all Hessians of a batch are one product.
"""

import time

import numpy as np
import torch
from scipy.optimize import linprog

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.recovery.ground_truth import orthonormal
from common.sketching.rows import drawn
from papers.sensitivity_sampling.ascent import Ratio
from papers.sensitivity_sampling.distortion import Original
from papers.sensitivity_sampling.families import gaussian
from papers.sensitivity_sampling.linear_program import minimise_absolute
from papers.sensitivity_sampling.models import Scores
from papers.sensitivity_sampling.newton import column_products, gram, minimise

ROWS, COLUMNS = 1000, 20
FEW = 20  # rows of the peers
SQUARE = 1024
DIRECTIONS = 10_000
# Milliseconds a row by p, one thread: a fifth of 5.5 and 1.4, of a simple loop over rows.
MOST = {1.5: 1.1, 4.0: 0.28}


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    found = [m for p in (1.5, 4.0) for m in of_power(p, rounds, peer)]
    return [*found, *products(rounds), *programs(rounds), *distortions(rounds)]


def of_power(p: float, rounds: int, peer: bool) -> list[Measurement]:
    q = orthonormal(ROWS, COLUMNS, np.random.default_rng(0))
    seconds = interleaved_medians(
        {
            "ours": lambda: minimise(q, q, p),
            "plain": lambda: [plain(q.numpy(), i, p) for i in range(FEW)],
        },
        min(rounds, 7),
        warmup=1,
    )
    each, slow = seconds["ours"] / ROWS, seconds["plain"] / FEW
    title = f"sensitivities, {ROWS} x {COLUMNS}, p {p:g}, float64"
    found = [
        Measurement(title, "a row", 1e3 * each, "ms", ("<=", MOST[p])),
        Measurement(title, "plain NumPy / ours", slow / each, "x", (">=", 5.0)),
    ]
    if peer:
        conic = _conic(q.numpy(), p)
        found.append(Measurement(title, "Clarabel / ours", conic / each, "x", (">=", 50.0)))
    return found


def plain(q: np.ndarray, i: int, p: float) -> float:
    """The same steps in NumPy for one row, to the same certified ratio; for p < 2 the safe ones."""
    c = q[i]
    x = c / (c @ c)
    y = q @ x
    norm = (np.abs(y) ** p).sum()
    for _ in range(200):
        z = np.sign(y) * np.abs(y) ** (p - 1)
        z *= (c @ c) / (c @ (q.T @ z))
        z += q @ (c - q.T @ z)
        dual = (np.abs(z) ** (p / (p - 1))).sum() ** (1 - p)
        if norm <= (1 + 2.5e-9) * dual:
            break
        v = np.maximum(np.abs(y), 1e-10 * np.abs(y).max()) ** (p - 2)
        step = np.linalg.solve(q.T @ (v[:, None] * q), c)
        step = step / (c @ step) - x
        t = 1 / (p - 1) if p > 2 else 1.0
        while t > 1e-12 and (np.abs(y + t * (q @ step)) ** p).sum() > norm:
            t /= 2
        x = x + t * step
        y = q @ x
        norm = (np.abs(y) ** p).sum()
    return 1 / norm


def products(rounds: int) -> list[Measurement]:
    """Hessians of a batch of 256 at 2,000 rows against a square product, by their operations."""
    n, batch = 2000, 256
    q = orthonormal(n, COLUMNS, np.random.default_rng(0))
    pairs = column_products(q)
    weights = torch.rand(batch, n, dtype=torch.float64)
    square = torch.rand(SQUARE, SQUARE, dtype=torch.float64)
    seconds = interleaved_medians(
        {"gram": lambda: gram(weights, q, pairs), "square": lambda: square @ square}, rounds
    )
    rate = batch * n * pairs.shape[1] / seconds["gram"]
    share = rate / (SQUARE**3 / seconds["square"])
    title = f"Hessians, batch {batch}, {n} x {COLUMNS}, float64"
    return [
        Measurement(title, "a batch", 1e3 * seconds["gram"], "ms"),
        Measurement(title, "rate / that of a square product", share, "x", (">=", 0.5)),
    ]


def distortions(rounds: int) -> list[Measurement]:
    """One sample of 150 rows of 600 x 6, p = 4: 20 starts up and 20 down."""
    matrix = gaussian(600, 6, np.random.default_rng(0))
    original, scores = Original.of(matrix, 4.0), Scores.of(matrix, 4.0).by("lewis")
    weights = drawn(scores, 150, np.random.default_rng(0)).spread(600)
    seconds = interleaved_medians({"one": lambda: original.distortion(weights)}, min(rounds, 7))
    title = "distortion, 600 x 6, p 4, float64"
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((DIRECTIONS, 6)))
    kept = weights.nonzero()[:, 0]
    by_chance = Ratio(original.basis, kept, weights[kept], 4.0).at(x)
    share = float((by_chance - 1).abs().max()) / original.distortion(weights).value
    return [
        Measurement(title, "a sample", seconds["one"], "s", ("<=", 0.2)),
        Measurement(title, f"of {DIRECTIONS:,} random directions / ours", share, "x"),
    ]


def programs(rounds: int) -> list[Measurement]:
    """p = 1: the linear program against the literal one, min t over -t <= z_j <= t, Q^T z = c."""
    q = orthonormal(600, 12, np.random.default_rng(0))
    few = q[:3]
    seconds = interleaved_medians(
        {
            "ours": lambda: minimise_absolute(q, few),
            "literal": lambda: [literal(q.numpy(), c) for c in few.numpy()],
        },
        min(rounds, 5),
        warmup=1,
    )
    title = "sensitivities, 600 x 12, p 1, float64"
    return [
        Measurement(title, "a row", 1e3 * seconds["ours"] / len(few), "ms"),
        Measurement(title, "2 n inequalities / ours", seconds["literal"] / seconds["ours"], "x"),
    ]


def literal(q: np.ndarray, c: np.ndarray) -> float:
    """s of p = 1 by HiGHS's dual simplex too."""
    n, d = q.shape
    eye, ones = np.eye(n), np.ones((n, 1))
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.block([[eye, -ones], [-eye, -ones]]),
        b_ub=np.zeros(2 * n),
        A_eq=np.column_stack([q.T, np.zeros(d)]),
        b_eq=c,
        bounds=[(None, None)] * (n + 1),
        method="highs-ds",
    )
    return float(found.fun)


def _conic(q: np.ndarray, p: float) -> float:
    """Seconds of a row by cvxpy's Clarabel, its problem built once."""
    import cvxpy

    x, c = cvxpy.Variable(q.shape[1]), cvxpy.Parameter(q.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.pnorm(q @ x, p)), [c @ x == 1])
    times = []
    for row in q[:4]:
        c.value = row
        start = time.perf_counter()
        problem.solve(solver=cvxpy.CLARABEL)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))
