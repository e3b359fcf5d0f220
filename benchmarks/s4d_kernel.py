"""Generating an S4D convolution kernel, forward and backward, against the naive product.

Bound at H 128, N 64 (32 stored), L 16384: at least 10 times faster than evaluating and summing the
(H, N, L) Vandermonde array, with at most an eighth of its peak extra memory, and within 1e-5 of
float64.
"""

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.kernels.vandermonde import vandermonde_kernel

CHANNELS, PAIRS, LENGTH = 128, 32, 16384
NAME = f"S4D kernel H{CHANNELS} N{2 * PAIRS} L{LENGTH}"


def naive_kernel(weights, lam_step, length):
    """As in the minimal S4D code: every exponential of the (H, N, L) array."""
    steps = torch.arange(length, device=lam_step.device)
    powers = torch.exp(lam_step[..., None] * steps)
    return 2 * torch.einsum("hn,hnl->hl", weights, powers).real


def inputs(length):
    """S4D-Lin eigenvalues -1/2 + i pi k, step sizes from 0.001 to 0.1 over the channels."""
    generator = torch.Generator().manual_seed(0)
    frequency = (torch.pi * torch.arange(PAIRS)).expand(CHANNELS, PAIRS)
    step = torch.logspace(-3, -1, CHANNELS)[:, None]
    lam_step = step * torch.complex(torch.full_like(frequency, -0.5), frequency)
    weights = torch.randn(CHANNELS, PAIRS, dtype=torch.complex64, generator=generator)
    gradient = torch.randn(CHANNELS, length, generator=generator)
    return [weights.requires_grad_(), lam_step.requires_grad_()], gradient


def prepare_call(kernel, length):
    def call(at):
        leaves, gradient = inputs(at)
        return lambda: torch.autograd.grad(kernel(*leaves, at), leaves, gradient)

    call(64)()
    return call(length)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    contestants = {
        "two-level": prepare_call(vandermonde_kernel, LENGTH),
        "naive": prepare_call(naive_kernel, LENGTH),
    }
    seconds = interleaved_medians(contestants, max(5, rounds // 3), warmup=1)
    peak = {
        name: extra_peak_bytes(prepare_call, kernel, LENGTH, threads=threads)
        for name, kernel in (("two-level", vandermonde_kernel), ("naive", naive_kernel))
    }
    rows = [Measurement(NAME, f"{name} time", 1e3 * t, "ms") for name, t in seconds.items()]
    rows += [Measurement(NAME, f"{name} peak", b / 2**20, "MiB") for name, b in peak.items()]
    speedup = seconds["naive"] / seconds["two-level"]
    share = peak["two-level"] / peak["naive"]
    rows.append(Measurement(NAME, "naive / two-level time", speedup, "x", (">=", 10.0)))
    rows.append(Measurement(NAME, "two-level / naive peak", share, "", ("<=", 1 / 8)))
    return rows + _errors()


def _errors():
    """Relative error of kernel and gradients to float64, which goes a few channels at a time."""
    leaves, gradient = inputs(LENGTH)

    def results(function, leaves, gradient):
        kernel = function(*leaves, LENGTH)
        return [kernel.detach(), *torch.autograd.grad(kernel, leaves, gradient)]

    parts = []
    for rows in torch.arange(CHANNELS).split(8):
        wide = [x.detach()[rows].to(torch.complex128).requires_grad_() for x in leaves]
        parts.append(results(naive_kernel, wide, gradient[rows].double()))
    exact = [torch.cat(column) for column in zip(*parts, strict=True)]

    def errors(function):
        pairs = zip(results(function, leaves, gradient), exact, strict=True)
        return [((a - b).abs().max() / b.abs().max()).item() for a, b in pairs]

    ours, naive = errors(vandermonde_kernel), errors(naive_kernel)
    return [
        Measurement(NAME, "error to float64, kernel", ours[0], "", ("<=", 1e-5)),
        Measurement(NAME, "error to float64, gradients", max(ours[1:]), "", ("<=", 1e-5)),
        Measurement(NAME, "naive error, kernel", naive[0]),
        Measurement(NAME, "naive error, gradients", max(naive[1:])),
    ]
