"""Layers with adapters (randlora, loldu, flora) against the frozen layer and peft's LoRA.

Multiply-adds are counted by torch as they run, bytes are what a forward pass keeps for backward
besides parameters, buffers and the input. All on one core: layers of this size are too small to be
shared, and what is not a product would be the larger part on two.
"""

import copy
import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.adapters.cost import kept_bytes, step
from common.adapters.plain import AdaptedLayer, adapt, merge
from common.fine_tuning.baselines import Choice, lora, randlora
from common.nn.bert import BertConfig, BertEncoder
from papers.flora.methods import Setting, adapt_network
from papers.loldu.models import LoLDUMethod
from papers.randlora.models import RandLoRAMethod

WIDTH = 384  # of MiniLM


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    try:
        return [
            *randlora_forward(rounds),
            *loldu_steps(rounds),
            *decomposition(),
            *flora_convolution(rounds),
            *merged_in_place(),
        ]
    finally:
        torch.set_num_threads(threads)


def linear() -> nn.Sequential:
    """A frozen layer in a model, as adapters want it."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(WIDTH, WIDTH)).requires_grad_(False)


def beside(model: nn.Module, method) -> nn.Module:
    adapt(model, method)
    return model


def counted(model: nn.Module, x: Tensor) -> float:
    """Million multiply-adds of a forward pass."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    return counter.get_total_flops() / 2e6


def costs(title: str, models: Mapping[str, nn.Module], x: Tensor) -> list[Measurement]:
    """Of every contestant, without bounds."""
    found = []
    for name, model in models.items():
        found.append(Measurement(title, f"{name}, multiply-adds", counted(model, x), "M"))
        found.append(Measurement(title, f"{name}, kept bytes", kept_bytes(model, x) / 2**20, "MiB"))
    return found


def randlora_forward(rounds: int) -> list[Measurement]:
    """Rank 6; few tokens take two thin layers, many the formed weight."""
    found = []
    for tokens in (64, WIDTH, 4 * WIDTH, 2048):
        title = f"randlora, {WIDTH} x {WIDTH}, r 6, {tokens} tokens"
        models = {
            "frozen": linear(),
            "LoRA 32": lora(linear(), Choice(["0"], 32, None, 0)),
            "peft's": randlora(linear(), Choice(["0"], 6, None, 0)),
            "ours": beside(linear(), RandLoRAMethod(rank=6)),
        }
        x = torch.randn(tokens, WIDTH)

        def forward(model: nn.Module, x: Tensor = x):
            def once() -> None:
                with torch.no_grad():
                    model(x)

            return once

        forwards = {name: forward(model) for name, model in models.items()}
        seconds = interleaved_medians(forwards, rounds)
        steps = interleaved_medians({n: step(m, x) for n, m in models.items()}, rounds)
        kept = {name: kept_bytes(model, x) for name, model in models.items()}
        over_base = seconds["ours"] / seconds["frozen"]
        bound = ("<=", 1.35) if tokens >= 4 * WIDTH else None
        found += [
            Measurement(title, "forward / frozen", over_base, "x", bound),
            Measurement(
                title, "forward / peft's", seconds["ours"] / seconds["peft's"], "x", ("<=", 1.0)
            ),
            Measurement(title, "step / peft's", steps["ours"] / steps["peft's"], "x", ("<=", 1.0)),
            Measurement(title, "step / LoRA's", steps["ours"] / steps["LoRA 32"], "x"),
            Measurement(
                title, "kept bytes / peft's", kept["ours"] / kept["peft's"], "x", ("<=", 1.0)
            ),
            *(costs(title, models, x) if tokens in (64, 2048) else ()),
        ]
    return found


def loldu_steps(rounds: int) -> list[Measurement]:
    """Forward and backward of one layer."""
    title = f"loldu, {WIDTH} x {WIDTH}, 1024 tokens"
    models = {
        "frozen": linear(),
        "LoRA 16": lora(linear(), Choice(["0"], 16, None, 0)),
        "r 64": beside(linear(), LoLDUMethod(rank=64)),
        "r 384": beside(linear(), LoLDUMethod(rank=WIDTH)),
    }
    x = torch.randn(1024, WIDTH)
    seconds = interleaved_medians({n: step(m, x) for n, m in models.items()}, rounds)
    return [
        Measurement(title, "frozen step", 1e3 * seconds["frozen"], "ms"),
        Measurement(
            title, "step, r 64 / LoRA 16", seconds["r 64"] / seconds["LoRA 16"], "x", ("<=", 1.3)
        ),
        Measurement(
            title, "step, r 384 / LoRA 16", seconds["r 384"] / seconds["LoRA 16"], "x", ("<=", 1.6)
        ),
        *costs(title, models, x),
    ]


def decomposition() -> list[Measurement]:
    """Of the queries and values of an encoder of MiniLM's sizes, weights at random; once."""
    config = BertConfig(
        vocabulary=8, positions=8, layers=6, heads=12, width=WIDTH, mlp_width=4 * WIDTH
    )
    encoder = BertEncoder(config)
    begun = time.perf_counter()
    made = adapt(encoder, LoLDUMethod(rank=WIDTH), include=["*.query", "*.value"])
    seconds = time.perf_counter() - begun
    title = f"loldu, decomposition of {len(made)} layers of {WIDTH} x {WIDTH}"
    return [Measurement(title, "time", seconds, "s", ("<=", 2.0))]


def flora_convolution(rounds: int) -> list[Measurement]:
    """128 channels, 3 x 3, images of 28 x 28, 4 at a time; 5,132 numbers against LoRA's 5,120."""
    title = "flora, 128 channels, 3 x 3, 4 of 28 x 28"
    models = {}
    for name, method, rank in (
        ("frozen", "none", 1),
        ("LoRA 4", "lora", 4),
        ("DoRA 4", "dora", 4),
        ("flora", "flora", 16),
    ):
        torch.manual_seed(0)
        base = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1))
        models[name] = adapt_network(base, method, Setting(rank, 2, 4.0, 0, ("0",)))
    x = torch.randn(4, 128, 28, 28)

    def forward(model: nn.Module):
        def once() -> None:
            with torch.no_grad():
                model(x)

        return once

    seconds = interleaved_medians({n: forward(m) for n, m in models.items()}, rounds)
    steps = interleaved_medians({n: step(m, x) for n, m in models.items()}, rounds)
    kept = largest_gradient(models["flora"], x)
    return [
        Measurement(title, "frozen forward", 1e3 * seconds["frozen"], "ms"),
        Measurement(
            title, "forward / frozen", seconds["flora"] / seconds["frozen"], "x", ("<=", 1.35)
        ),
        Measurement(
            title, "forward / LoRA's", seconds["flora"] / seconds["LoRA 4"], "x", ("<=", 1.25)
        ),
        Measurement(title, "step / frozen", steps["flora"] / steps["frozen"], "x", ("<=", 1.5)),
        Measurement(title, "step / LoRA's", steps["flora"] / steps["LoRA 4"], "x"),
        Measurement(title, "step / DoRA's", steps["flora"] / steps["DoRA 4"], "x"),
        Measurement(
            title, "largest gradient / the weight", kept / (128 * 128 * 9), "x", ("<=", 0.1)
        ),
        *costs(title, models, x),
    ]


def largest_gradient(model: nn.Module, x: Tensor) -> int:
    """Numbers of the largest gradient of a parameter that a backward pass leaves."""
    model.zero_grad()
    step(model, x)()
    return max(p.grad.numel() for p in model.parameters() if p.grad is not None)


def merged_in_place() -> list[Measurement]:
    """Memory that a merge takes at once, over the weight's; layers of 1024 x 1024."""
    found = []
    for name, method in (
        ("randlora", RandLoRAMethod(rank=32)),
        ("loldu", LoLDUMethod(rank=64)),
    ):
        torch.manual_seed(0)
        model = beside(nn.Sequential(nn.Linear(1024, 1024)), method)
        model = copy.deepcopy(model)
        layer = next(m for m in model.modules() if isinstance(m, AdaptedLayer))
        pointer = layer.base_layer.weight.data_ptr()
        with torch.profiler.profile(profile_memory=True) as profile:
            merge(model)
        largest = max(event.self_cpu_memory_usage for event in profile.events())
        moved = layer.base_layer.weight.data_ptr() != pointer
        title = "merge in place, 1024 x 1024"
        part = 1.0 if moved else largest / (4 * 1024 * 1024)
        found.append(Measurement(title, f"{name}, largest array / weight", part, "x", ("<=", 1.0)))
    return found
