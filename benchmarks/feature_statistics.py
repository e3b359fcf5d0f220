"""What low rank from features costs: second moments of a stream, their eigenvectors, two products.

Bounds: moments of 1,024 outputs at 60 % or more of the rate of the plain product of the same
numbers in float32, in float64 sums with an error of at most 1e-5; eigenvectors of 1,024 outputs in
2 s on one core; a layer in factors in at most 1.25 times the time that its multiply-adds would
take at the dense layer's rate, without its weight being formed.
"""

import torch
from torch import nn

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.compression.factorised import LowRankLinear
from common.compression.features import FeatureBasis
from common.compression.moments import Moments

OUTPUTS, ROWS = 1024, 8192
RATE_BOUND, ERROR_BOUND, EIGEN_BOUND, FLOP_BOUND, PEAK_BOUND = 0.6, 1e-5, 2.0, 1.25, 16.0


def rows():
    """Outputs with a mean of many deviations."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.arange(1, OUTPUTS + 1).rsqrt()
    return torch.randn(ROWS, OUTPUTS, generator=generator) * spread + 3


def factors(width, hidden, rank):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) / shape[1] ** 0.5

    return LowRankLinear(draw(rank, width), draw(hidden, rank), torch.zeros(hidden))


def prepare_forward(width, hidden, rank):
    layer, x = factors(width, hidden, rank), torch.randn(16, width)
    with torch.no_grad():
        layer(x)

    def call():
        with torch.no_grad():
            return layer(x)

    return call


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return [*_moments(rounds), *_eigenvectors(rounds, threads), *_forward(rounds), _peak(threads)]


def _moments(rounds):
    name, y = f"feature moments d{OUTPUTS} N{ROWS}", rows()
    seconds = interleaved_medians(
        {"moments": lambda: Moments(OUTPUTS).update(y), "product": lambda: y.mT @ y}, rounds
    )
    rate = 2 * ROWS * OUTPUTS**2 / 1e9
    wide = y.double()
    centred = wide - wide.mean(0)
    exact = centred.mT @ centred / ROWS
    error = (Moments(OUTPUTS).update(y).covariance - exact).abs().max() / exact.abs().max()
    return [
        Measurement(name, "moments rate", rate / seconds["moments"], "GFLOP/s"),
        Measurement(name, "product rate", rate / seconds["product"], "GFLOP/s"),
        Measurement(
            name,
            "moments / product, rate",
            seconds["product"] / seconds["moments"],
            "x",
            (">=", RATE_BOUND),
        ),
        Measurement(name, "error to float64", error.item(), "", ("<=", ERROR_BOUND)),
    ]


def _eigenvectors(rounds, threads):
    moments = Moments(OUTPUTS).update(rows())
    torch.set_num_threads(1)
    try:
        seconds = interleaved_medians(
            {"basis": lambda: FeatureBasis.of(moments)}, max(5, rounds // 3), warmup=1
        )["basis"]
    finally:
        torch.set_num_threads(threads)
    return [
        Measurement(
            f"feature basis d{OUTPUTS}", "time on one core", seconds, "s", ("<=", EIGEN_BOUND)
        )
    ]


def _forward(rounds):
    width, hidden, rank = 1024, 4096, 512
    name = f"factors {width}-{rank}-{hidden}, 512 rows"
    layer, x = factors(width, hidden, rank), torch.randn(512, width)
    dense = nn.Linear(width, hidden)
    with torch.no_grad():
        seconds = interleaved_medians(
            {"factors": lambda: layer(x), "dense": lambda: dense(x)}, rounds
        )
    ideal = rank * (width + hidden) / (width * hidden)
    measured = seconds["factors"] / seconds["dense"]
    return [
        Measurement(name, "factors time", 1e3 * seconds["factors"], "ms"),
        Measurement(name, "dense time", 1e3 * seconds["dense"], "ms"),
        Measurement(name, "factors / dense, multiply-adds", ideal, "x"),
        Measurement(name, "factors / dense, time", measured, "x"),
        Measurement(name, "time over multiply-adds", measured / ideal, "x", ("<=", FLOP_BOUND)),
    ]


def _peak(threads):
    """The weight of this layer alone would take 64 MiB."""
    peak = extra_peak_bytes(prepare_forward, 2048, 8192, 256, threads=threads) / 2**20
    return Measurement("factors 2048-256-8192, 16 rows", "peak", peak, "MiB", ("<=", PEAK_BOUND))
