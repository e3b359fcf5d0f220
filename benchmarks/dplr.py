"""S4's DPLR kernel, forward and backward, against the plain Cauchy broadcast.

Bounds: at least 5 times faster at rank 1, N 64 (32 pairs), H 128, L 4096; under 2 GiB of peak extra
memory at L 16384, H 256; a whole S4 layer (kernel, convolution, batch 8, L 1024, H 128) in at most
half of the 1.4 s that the reference implementation takes on one core of the same kind.
"""

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.kernels.convolution import fft_convolve
from common.kernels.dplr import dplr_kernel

PAIRS = 32
SPEEDUP_BOUND, PEAK_BOUND, LAYER_BOUND = 5.0, 2048.0, 0.7


def inputs(channels, rank=1, dtype=torch.complex64):
    """(lam, p, q, B, C, step) of one of each conjugate pair; q = p, so that A is dissipative."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.complex128, generator=generator)

    frequency = torch.pi * torch.arange(PAIRS, dtype=torch.float64)
    lam, p = torch.complex(torch.full_like(frequency, -0.5), frequency), draw(rank, PAIRS)
    step = torch.logspace(-3, -1, channels, dtype=torch.float64)
    arguments = [x.to(dtype) for x in (lam, p, p, draw(PAIRS), draw(channels, PAIRS))]
    return [x.requires_grad_() for x in (*arguments, step.to(dtype.to_real()))]


def ours(lam, p, q, B, C, step, length):
    return dplr_kernel(lam, p, q, B, C, step, length, conj_sym=True)


def broadcast(lam, p, q, B, C, step, length):
    """Every (channel, state, frequency) resolvent of the full spectrum, written out; C stands for
    C~, which both need and neither is measured by."""
    lam, p, q, B, C = (torch.cat([x, x.conj()], -1) for x in (lam, p[0], q[0], B, C))
    turns = torch.arange(length) * (-2 * torch.pi / length)
    z = torch.polar(torch.ones_like(turns), turns)
    c = (1 + z) * step[:, None] / 2
    resolvent = 1 / ((1 - z) - c[:, None] * lam[:, None])

    def cauchy(v):
        return (v[..., None] * resolvent).sum(-2)

    inner = c * cauchy(C * p) * cauchy(q.conj() * B) / (1 + c * cauchy(q.conj() * p))
    return torch.fft.ifft(step[:, None] * (cauchy(C * B) - inner)).real


def prepare_call(kernel, channels, length, rank=1):
    def call(at):
        leaves = inputs(channels, rank)
        gradient = torch.ones(channels, at)
        return lambda: torch.autograd.grad(kernel(*leaves, at), leaves, gradient)

    call(64)()
    return call(length)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    name = "DPLR kernel H128 N64 L4096"
    contestants = {
        "rank 1": prepare_call(ours, 128, 4096),
        "rank 2": prepare_call(ours, 128, 4096, 2),
        "broadcast, rank 1": prepare_call(broadcast, 128, 4096),
    }
    seconds = interleaved_medians(contestants, max(5, rounds // 3), warmup=1)
    rows = [Measurement(name, f"{key} time", 1e3 * t, "ms") for key, t in seconds.items()]
    speedup = seconds["broadcast, rank 1"] / seconds["rank 1"]
    bound = (">=", SPEEDUP_BOUND)
    rows.append(Measurement(name, "broadcast / ours, rank 1", speedup, "x", bound))
    peak = extra_peak_bytes(prepare_call, ours, 256, 16384, threads=threads) / 2**20
    rows.append(Measurement("DPLR kernel H256 N64 L16384", "peak", peak, "MiB", ("<=", PEAK_BOUND)))
    return [*rows, _error(), _layer(rounds, threads)]


def _error():
    narrow, wide = inputs(16), inputs(16, dtype=torch.complex128)
    exact = ours(*wide, 4096)
    error = (ours(*narrow, 4096) - exact).abs().max() / exact.abs().max()
    return Measurement("DPLR kernel H16 N64 L4096", "error to float64", error.item())


def _layer(rounds, threads):
    leaves, u = inputs(128), torch.randn(8, 128, 1024).requires_grad_()

    def layer():
        y = fft_convolve(u, ours(*leaves, 1024))
        return torch.autograd.grad(y.sum(), [u, *leaves])

    torch.set_num_threads(1)
    try:
        seconds = interleaved_medians({"layer": layer}, max(5, rounds // 3))["layer"]
    finally:
        torch.set_num_threads(threads)
    bound = ("<=", LAYER_BOUND)
    return Measurement("S4 layer H128 N64 B8 L1024", "time on one core", seconds, "s", bound)
