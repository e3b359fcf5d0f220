"""Layers in factors against dense ones: a narrow pass, a factorised convolution, a projection."""

import torch
from torch import nn

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.compression.costs import macs
from common.compression.forms import CHANNEL, FORMS
from common.compression.truncation import svd
from common.nn.cifar_resnet import CifarResNet
from papers.maestro.layers import OrderedLinear
from papers.maestro.lod import suffix_norms
from papers.trp.decompose import decompose
from papers.trp.projection import truncate

WIDTHS = (16, 64, 256, 1024)
MATRICES = ((64, 576), (256, 2304), (512, 4608))


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    return [
        *narrow_passes(rounds),
        *convolution(rounds),
        *projections(),
        *whole_networks(rounds),
    ]


@torch.no_grad()
def narrow_passes(rounds: int) -> list[Measurement]:
    """A layer of 1024 x 1024 on 256 rows at several widths, beside two plain layers of the width;
    and the suffix norms of its factors."""
    title = "ordered layer 1024 x 1024, 256 rows"
    layer, x = OrderedLinear(nn.Linear(1024, 1024)), torch.randn(256, 1024)
    calls = {}
    for width in WIDTHS:

        def narrow(width: int = width) -> None:
            layer.width = width
            layer(x)

        plain = nn.Sequential(nn.Linear(1024, width, bias=False), nn.Linear(width, 1024))
        calls[f"{width}"], calls[f"two plain layers, {width}"] = narrow, lambda p=plain: p(x)
    calls["suffix norms"] = lambda: suffix_norms(layer.U)
    seconds = interleaved_medians(calls, rounds)
    found = [
        Measurement(title, f"width {width}", seconds[f"{width}"] * 1e3, "ms") for width in WIDTHS
    ]
    for width in WIDTHS:
        ratio = seconds[f"{width}"] / seconds[f"two plain layers, {width}"]
        found.append(
            Measurement(title, f"width {width} / two plain layers", ratio, "x", ("<=", 1.15))
        )
    share = seconds["64"] / seconds["1024"]
    norms = seconds["suffix norms"] * 1e3
    return [
        *found,
        Measurement(title, "width 64 / width 1024", share, "x", ("<=", 0.25)),
        Measurement("suffix norms, 1024 x 1024", "time", norms, "ms", ("<=", 10.0)),
    ]


@torch.no_grad()
def convolution(rounds: int) -> list[Measurement]:
    """128 channels, 3 x 3, 28 x 28, batch 8, at a quarter of the rank."""
    title = "convolution 128 -> 128, 3 x 3, 28 x 28, batch 8, channel form, rank 32"
    conv, x = nn.Conv2d(128, 128, 3, padding=1), torch.randn(8, 128, 28, 28)
    factors = CHANNEL.factorise(conv, 32)
    seconds = interleaved_medians({"dense": lambda: conv(x), "factors": lambda: factors(x)}, rounds)
    counted = sum(macs(conv, x).values()) / sum(macs(factors, x).values())
    faster = seconds["dense"] / seconds["factors"]
    return [
        Measurement(title, "multiply-adds, dense / factors", counted, "x"),
        Measurement(title, "time, dense / factors", faster, "x", (">=", 1.5)),
    ]


def projections() -> list[Measurement]:
    """The Gram matrix against a full decomposition; three rounds, for they take seconds."""
    found = []
    for rows, columns in MATRICES:
        title = f"projection of {rows} x {columns}"
        matrix = torch.randn(rows, columns) / columns**0.5
        calls = {"Gram": lambda m=matrix: truncate(m, 0.1), "full": lambda m=matrix: svd(m)}
        seconds = interleaved_medians(calls, 3, warmup=0)
        U, S, Vh = truncate(matrix, 0.1)
        full = svd(matrix).to_rank(len(S)).product()
        error = float(((U * S) @ Vh - full).abs().max() / full.abs().max())
        last = (rows, columns) == MATRICES[-1]
        bound = (">=", 3.0) if last else None
        ratio = seconds["full"] / seconds["Gram"]
        found += [
            Measurement(title, "full / Gram", ratio, "x", bound),
            Measurement(title, "difference of the projections", error, "", ("<=", 1e-5)),
        ]
    return found


@torch.no_grad()
def whole_networks(rounds: int) -> list[Measurement]:
    """ResNet-20 at batch 1 and 64, cut by energy in each form, beside its multiply-adds."""
    found = []
    torch.manual_seed(0)
    model = CifarResNet(20).eval()
    for name, form in FORMS.items():
        small = decompose(model, form, torch.randn(1, 3, 32, 32), left_out=0.5)
        for batch in (1, 64):
            x = torch.randn(batch, 3, 32, 32)
            calls = {"dense": lambda x=x: model(x), "small": lambda x=x, s=small: s.model(x)}
            seconds = interleaved_medians(calls, rounds)
            title = f"ResNet-20, {name} form, half of the energy, batch {batch}"
            found += [
                Measurement(title, "multiply-adds, dense / factors", small.speedup, "x"),
                Measurement(
                    title, "time, dense / factors", seconds["dense"] / seconds["small"], "x"
                ),
            ]
    return found
