"""The S4D layer, forward and backward: kernel and convolution or scan, against the naive layer.

Bounds at B 8, L 16384, H 128, 32 pairs: at least 5 times faster than the layer that writes out
every exponential and convolves by FFT, with at most an eighth of its peak extra memory, and within
1e-4 of float64; the time grows with the length with a slope of at most 1.1 from L 1024 to 65536.
"""

import math
from dataclasses import dataclass

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.s4d_kernel import naive_kernel
from benchmarks.timing import interleaved_medians
from common.kernels.s4d import faster_mode, s4d_apply


@dataclass(frozen=True)
class Shape:
    batch: int
    length: int
    channels: int
    pairs: int = 32

    def __str__(self) -> str:
        return f"S4D layer H{self.channels} N{2 * self.pairs} B{self.batch} L{self.length}"


LONG = Shape(8, 16384, 128)
SHAPES = (LONG, Shape(8, 1024, 128), Shape(8, 1024, 256))
LENGTHS = (1024, 4096, 16384, 65536)
SPEEDUP_BOUND, MEMORY_BOUND, ERROR_BOUND, SLOPE_BOUND = 5.0, 1 / 8, 1e-4, 1.1


def naive_layer(u, weights, lam_step):
    """As in the minimal S4D code: all exponentials, then the FFT of everything."""
    length = u.shape[1]
    spectrum = torch.fft.rfft(naive_kernel(weights, lam_step, length), n=2 * length)
    product = torch.fft.rfft(u.transpose(1, 2), n=2 * length) * spectrum
    return torch.fft.irfft(product, n=2 * length)[..., :length].transpose(1, 2)


def inputs(shape: Shape) -> tuple[list[torch.Tensor], torch.Tensor]:
    """(u, weights, lam_step) at the start of S4D-Lin, and a gradient of y."""
    generator = torch.Generator().manual_seed(0)
    frequency = (torch.pi * torch.arange(shape.pairs)).expand(shape.channels, shape.pairs)
    step = torch.logspace(-3, -1, shape.channels)[:, None]
    lam_step = step * torch.complex(torch.full_like(frequency, -0.5), frequency)
    weights = torch.randn(lam_step.shape, dtype=torch.complex64, generator=generator)
    u, gradient = (
        torch.randn(shape.batch, shape.length, shape.channels, generator=generator)
        for _ in range(2)
    )
    return [x.requires_grad_() for x in (u, step * weights, lam_step)], gradient


def prepare_call(layer, shape):
    def call(at):
        leaves, gradient = inputs(at)
        return lambda: torch.autograd.grad(layer(*leaves), leaves, gradient)

    call(Shape(2, 64, shape.channels, shape.pairs))()
    return call(shape)


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    rows = []
    for shape in SHAPES:
        rows += _against_naive(shape, rounds, threads)
    return rows + _errors(LONG) + _slope(rounds)


def _against_naive(shape, rounds, threads):
    layers = {"s4d_apply": s4d_apply, "naive": naive_layer}
    contestants = {name: prepare_call(layer, shape) for name, layer in layers.items()}
    short = shape.length <= 1024
    seconds = interleaved_medians(contestants, max(5, rounds // 3) if short else 3, warmup=1)
    rows = [Measurement(str(shape), f"{name} time", 1e3 * t, "ms") for name, t in seconds.items()]
    bounded = shape == LONG
    speedup = seconds["naive"] / seconds["s4d_apply"]
    bound = (">=", SPEEDUP_BOUND) if bounded else None
    rows.append(Measurement(str(shape), "naive / s4d_apply time", speedup, "x", bound))
    if bounded:
        peak = {
            name: extra_peak_bytes(prepare_call, layer, shape, threads=threads)
            for name, layer in layers.items()
        }
        rows += [
            Measurement(str(shape), f"{name} peak", b / 2**20, "MiB") for name, b in peak.items()
        ]
        share = peak["s4d_apply"] / peak["naive"]
        bound = ("<=", MEMORY_BOUND)
        rows.append(Measurement(str(shape), "s4d_apply / naive peak", share, "", bound))
    return rows


def _errors(shape):
    """Of y and the three gradients to the naive layer in float64, a few channels at a time, each
    relative to the largest value of its kind."""
    leaves, gradient = inputs(shape)
    results = {}
    for mode in ("convolution", "scan"):
        y = s4d_apply(*leaves, mode=mode)
        results[mode] = [y.detach(), *torch.autograd.grad(y, leaves, gradient)]
    deviation = {mode: [0.0] * 4 for mode in results}
    largest = [0.0] * 4
    for part in torch.arange(shape.channels).split(8):
        u, weights, lam_step = (x.detach() for x in leaves)
        wide = [u[..., part].double(), weights[part].cdouble(), lam_step[part].cdouble()]
        wide = [x.requires_grad_() for x in wide]
        y = naive_layer(*wide)
        exact = [y.detach(), *torch.autograd.grad(y, wide, gradient[..., part].double())]
        for i, value in enumerate(exact):
            largest[i] = max(largest[i], value.abs().max().item())
            for mode, ours in results.items():
                mine = ours[i][..., part] if i < 2 else ours[i][part]
                deviation[mode][i] = max(deviation[mode][i], (mine - value).abs().max().item())
    bound = ("<=", ERROR_BOUND)
    return [
        Measurement(
            str(shape),
            f"error to float64, {mode}",
            max(d / scale for d, scale in zip(deviations, largest, strict=True)),
            "",
            bound,
        )
        for mode, deviations in deviation.items()
    ]


def _slope(rounds):
    """Least squares of log time on log length; one sequence pair, auto mode."""
    shapes = [Shape(2, length, 128) for length in LENGTHS]
    contestants = {str(shape): prepare_call(s4d_apply, shape) for shape in shapes}
    seconds = interleaved_medians(contestants, max(5, rounds // 3), warmup=1)
    rows = [
        Measurement(
            str(shape),
            f"time an element, {faster_mode(2, shape.length, 32, False)}",
            1e9 * seconds[str(shape)] / (2 * shape.length * 128),
            "ns",
        )
        for shape in shapes
    ]
    x = [math.log(length) for length in LENGTHS]
    y = [math.log(seconds[str(shape)]) for shape in shapes]
    mean = sum(x) / len(x)
    slope = sum((a - mean) * b for a, b in zip(x, y, strict=True))
    slope /= sum((a - mean) ** 2 for a in x)
    name = f"S4D layer H128 N64 B2 L{LENGTHS[0]} to {LENGTHS[-1]}"
    rows.append(Measurement(name, "log time over log length", slope, "", ("<=", SLOPE_BOUND)))
    return rows
