"""Gradient descent on factors (overparam_sensing): a step, and batches of runs, against NumPy.

The roofline of measurements is the reading of A^T A, once a step of the whole batch.
"""

import numpy as np
import torch

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.recovery.ground_truth import diagonal
from common.recovery.sensing import Population, Sensing, gaussian
from papers.overparam_sensing.models import Asymmetric, Start, descend

STEPS = 200
ETA = 0.1
BATCH = 32


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    torch.set_num_threads(1)  # matrices of 50 x 50 are too small to be shared
    try:
        return [*population(rounds), *measured(rounds)]
    finally:
        torch.set_num_threads(threads)


def start(size: int, runs: int) -> Asymmetric:
    return Asymmetric(*Start(size, size, 5).draw(list(range(runs)), [0.5]))


def ours(size: int, runs: int, sensing: Sensing):
    truth = diagonal([1.0, 1.0, 1.0], size)
    return lambda: descend(start(size, runs), truth, sensing, ETA, STEPS)


def plain(size: int, gram: np.ndarray | None = None):
    """One run, as one would write it in NumPy."""
    truth = diagonal([1.0, 1.0, 1.0], size).numpy()

    def once() -> None:
        f, g = (part[0].numpy() for part in start(size, 1).tensors())
        errors = []
        for _ in range(STEPS + 1):
            e = f @ g.T - truth
            errors.append((e * e).sum())
            m = e if gram is None else (gram @ e.ravel()).reshape(size, size)
            f, g = f - ETA * m @ g, g - ETA * m.T @ f

    return once


def autograd(size: int):
    """The same step by differentiating the loss."""
    truth = diagonal([1.0, 1.0, 1.0], size)

    def once() -> None:
        f, g = (part.clone().requires_grad_() for part in start(size, 1).tensors())
        for _ in range(STEPS + 1):
            loss = (f @ g.mT - truth).square().sum() / 2
            grads = torch.autograd.grad(loss, (f, g))
            f, g = (
                (part - ETA * grad).detach().requires_grad_()
                for part, grad in zip((f, g), grads, strict=True)
            )

    return once


def population(rounds: int) -> list[Measurement]:
    size = 50
    sensing = Population((size, size))
    seconds = interleaved_medians(
        {
            "ours": ours(size, 1, sensing),
            "batch": ours(size, BATCH, sensing),
            "numpy": plain(size),
            "autograd": autograd(size),
        },
        rounds,
    )
    title = f"overparam_sensing, factorisation, n {size}, k 5, float64"
    step = 1e6 * seconds["ours"] / STEPS
    in_batch = BATCH * seconds["ours"] / seconds["batch"]
    return [
        Measurement(title, "a step", step, "us", ("<=", 30.0)),
        Measurement(title, "ours / NumPy", seconds["ours"] / seconds["numpy"], "x"),
        Measurement(
            title, "autograd / ours", seconds["autograd"] / seconds["ours"], "x", ("<=", 4.0)
        ),
        Measurement(title, f"{BATCH} runs, loop / batch", in_batch, "x", (">=", 5.0)),
    ]


def measured(rounds: int) -> list[Measurement]:
    size, m = 20, 600
    sensing = gaussian(m, (size, size), np.random.default_rng(0))
    gram = sensing.gram.numpy()
    probe = torch.ones(gram.shape[0], dtype=torch.float64)
    seconds = interleaved_medians(
        {
            "ours": ours(size, 1, sensing),
            "batch": ours(size, BATCH, sensing),
            "numpy": plain(size, gram),
            "read": lambda: [sensing.gram @ probe for _ in range(STEPS)],
        },
        rounds,
    )
    title = f"overparam_sensing, n {size}, {m} measurements, float64"
    return [
        Measurement(title, "ours / NumPy", seconds["ours"] / seconds["numpy"], "x"),
        Measurement(title, "ours / reading A^T A", seconds["ours"] / seconds["read"], "x"),
        Measurement(
            title,
            f"{BATCH} runs, loop / batch",
            BATCH * seconds["ours"] / seconds["batch"],
            "x",
            (">=", 5.0),
        ),
    ]
