"""A step of a spectral layer (sst) against a dense one and against plain autograd; a new SVD."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from papers.sst.methods import FULL, SST, Method, apply

SIZE, ROWS, RANK = 1024, 1024, 64


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return [*steps(rounds), *decomposition(rounds)]


class Masked(nn.Module):
    """The peer: all of U and V are parameters, the gradients of frozen columns are masked."""

    def __init__(self, layer):
        super().__init__()
        U, s, V = layer.triples()
        self.U, self.s, self.V = nn.Parameter(U), nn.Parameter(s), nn.Parameter(V)
        self.bias = nn.Parameter(layer.bias.detach().clone())
        mask = torch.zeros(len(s))
        mask[layer.active] = 1
        self.U.register_hook(lambda grad: grad * mask)
        self.V.register_hook(lambda grad: grad * mask)

    def forward(self, x):
        return F.linear((x @ self.V) * self.s, self.U, self.bias)


def steps(rounds: int) -> list[Measurement]:
    """Forward, backward and the step of AdamW, 1024 x 1024, a batch of 1024."""
    title = f"layer {SIZE} x {SIZE}, {ROWS} rows, r = {RANK}"
    torch.manual_seed(0)
    x = torch.randn(ROWS, SIZE, requires_grad=True)
    weight = torch.randn(ROWS, SIZE)

    def stepper(model: nn.Module, optimiser, between=lambda: None):
        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            (model(x) * weight).sum().backward()
            optimiser.step()
            between()

        return step

    dense = apply(nn.Sequential(nn.Linear(SIZE, SIZE)), Method(FULL))
    spectral = apply(nn.Sequential(nn.Linear(SIZE, SIZE)), Method(SST, RANK))
    spectral.before_step(0, spectral.adam(1e-6))
    masked = Masked(spectral.layers["0"])
    seconds = interleaved_medians(
        {
            "dense": stepper(dense.model, dense.adam(1e-6)),
            "spectral": stepper(spectral.model, spectral.adam(1e-6), spectral.after_step),
            "masked": stepper(masked, torch.optim.AdamW(masked.parameters(), 1e-6)),
        },
        rounds,
    )
    ms = {name: 1e3 * value for name, value in seconds.items()}
    return [
        Measurement(title, "dense step", ms["dense"], "ms"),
        Measurement(title, "spectral step", ms["spectral"], "ms"),
        Measurement(title, "plain autograd with masks", ms["masked"], "ms"),
        Measurement(title, "spectral / dense", ms["spectral"] / ms["dense"], "x", ("<=", 2.3)),
        Measurement(
            title, "spectral / plain autograd", ms["spectral"] / ms["masked"], "x", ("<=", 1.1)
        ),
    ]


def decomposition(rounds: int) -> list[Measurement]:
    """A new SVD of the layer on one thread; three rounds, for it takes about a second."""
    title = f"new SVD of {SIZE} x {SIZE}, one core"
    layer = apply(nn.Sequential(nn.Linear(SIZE, SIZE)), Method(SST, RANK)).layers["0"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = interleaved_medians({"svd": layer.decompose}, min(rounds, 3), warmup=0)["svd"]
    finally:
        torch.set_num_threads(threads)
    return [Measurement(title, "time", seconds, "s", ("<=", 1.5))]
