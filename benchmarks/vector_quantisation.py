"""k-means against scikit-learn and the rate of its matrix product; decoding against a copy."""

from collections.abc import Callable

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.compression.kmeans import assign, kmeans, plus_plus
from common.compression.subvectors import Layout
from papers.lr2vq.models import VectorQuantised

POINTS, WORDS = 200_000, 256
ITERATIONS = 5


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    found = [*assignment(rounds), memory(threads), *decoding(rounds)]
    return found + (against_sklearn() if peer else [])


def assignment(rounds: int) -> list[Measurement]:
    """Nearest of 256 words for 200,000 vectors, in 8 and in 4 dimensions, beside the product that
    each needs."""
    found, calls = [], {}
    for dim in (8, 4):
        points, words = torch.randn(POINTS, dim), torch.randn(WORDS, dim)
        block = torch.empty(65_536, WORDS)

        def product(points=points, words=words, block=block) -> None:
            for start in range(0, POINTS, len(block)):
                part = points[start : start + len(block)]
                torch.mm(part, words.mT, out=block[: len(part)])

        calls[f"assign {dim}"] = lambda points=points, words=words: assign(points, words)
        calls[f"product {dim}"] = product
    seconds = interleaved_medians(calls, min(rounds, 7))
    for dim in (8, 4):
        title = f"assignment of 200,000 x {dim} to 256 words"
        share = seconds[f"product {dim}"] / seconds[f"assign {dim}"]
        found += [
            Measurement(title, "time", seconds[f"assign {dim}"] * 1e3, "ms"),
            Measurement(title, "product alone / assignment", share, "x", (">=", 0.5)),
        ]
    return found


def memory(threads: int) -> Measurement:
    """Of the assignment of a million vectors, whose table of distances would take a gigabyte."""
    mebibytes = extra_peak_bytes(_prepare_assignment, threads=threads) / 2**20
    title = "assignment of 1,000,000 x 8 to 256 words"
    return Measurement(title, "peak memory", mebibytes, "MiB", ("<=", 256))


def _prepare_assignment() -> Callable[[], object]:
    points, words = torch.randn(1_000_000, 8), torch.randn(WORDS, 8)
    assign(points[:1000], words)
    return lambda: assign(points, words)


def decoding(rounds: int) -> list[Measurement]:
    """A weight of 512 x 4608 from its codes, beside a copy of it."""
    layout, shape = Layout(8), torch.Size((512, 512, 3, 3))
    count = layout.count(shape)
    codes = torch.randint(WORDS, (count,))
    code = VectorQuantised(layout, shape, codes, torch.randn(WORDS, 6), torch.randn(8, 6))
    weight, into = torch.randn(shape), torch.empty(shape)
    with torch.no_grad():
        seconds = interleaved_medians(
            {"decode": code.forward, "copy": lambda: into.copy_(weight)}, rounds
        )
    share = seconds["copy"] / seconds["decode"]
    title = "decoding 512 x 512 x 3 x 3, m 8, d 6"
    return [
        Measurement(title, "time", seconds["decode"] * 1e3, "ms"),
        Measurement(title, "copy of the weight / decoding", share, "x", (">=", 0.3)),
    ]


def against_sklearn() -> list[Measurement]:
    """The same start, the same number of passes of Lloyd's algorithm."""
    from sklearn.cluster import KMeans

    generator = torch.Generator().manual_seed(0)
    points = torch.randn(POINTS, 8, generator=generator)
    seeds = plus_plus(points, WORDS, generator)

    def ours() -> float:
        return kmeans(points, WORDS, generator=generator, iterations=ITERATIONS, tolerance=0.0,
                      start=seeds).error  # fmt: skip

    def theirs() -> float:
        model = KMeans(WORDS, init=seeds.numpy(), n_init=1, max_iter=ITERATIONS, tol=0.0,
                       algorithm="lloyd")  # fmt: skip
        return model.fit(points.numpy()).inertia_

    seconds = interleaved_medians({"ours": ours, "scikit-learn": theirs}, 3, warmup=1)
    ratio, error = seconds["ours"] / seconds["scikit-learn"], ours() / theirs()
    title = f"k-means of 200,000 x 8, 256 words, {ITERATIONS} passes"
    return [
        Measurement(title, "ours / scikit-learn", ratio, "x", ("<=", 1)),
        Measurement(title, "error, ours / scikit-learn", error, "x", ("<=", 1.01)),
    ]
