"""R1: the update and its gradients; R2, R9: numbers of trained parameters."""

from __future__ import annotations

import torch
from torch import nn

from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from papers.randlora import accounting
from papers.randlora.bases import Bases, Law
from papers.randlora.models import RandLoRA, RandLoRAMethod, ScaledBasis


def run(context: RunContext) -> TaskResult:
    """Errors in float64; ``saved_part``: the largest tensor that the function keeps, as a part of
    max(r d, n r, n d); counts of closed forms, and ``count_error`` against adapters on the meta
    device."""
    torch.manual_seed(context.config.seed)
    metrics = {"hand_error": hand_error(), "saved_part": saved_part()}
    metrics["gradient_error"] = max(gradient_error(*shape) for shape in context.config.task.shapes)
    metrics |= counts()
    metrics["count_error"] = count_error(context.config.task.built)
    return TaskResult(metrics)


def hand_error() -> float:
    """D = 3, d = 2, r = 1, n = 2, worked out by hand."""
    bases = Bases(3, 2, 1, 2, Law(), 0).double()
    bases.long = torch.tensor([[[1.0], [4.0]], [[2.0], [5.0]], [[3.0], [6.0]]]).double()
    bases.short = torch.tensor([[[7.0, 8.0]]]).double()
    update = RandLoRA((3, 2), bases, 2, 0.5, "lambda_zero").double()
    update.lam.data = torch.tensor([[1.0], [-1.0]]).double()
    update.gam.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    # .5 (B_1 (7, 16) - B_2 (21, 32))
    expected = torch.tensor([[-38.5, -56.0], [-45.5, -64.0], [-52.5, -72.0]]).double()
    return float((update.change() - expected).abs().max())


def gradient_error(rows: int, columns: int, rank: int) -> float:
    """Largest relative error of autograd's gradients against those of Appendix C.5."""
    number = accounting.number_of_bases(columns, rank)
    bases = Bases(rows, columns, rank, number, Law("normal"), 0).double()
    update = RandLoRA((rows, columns), bases, number, 0.7, "lambda_zero").double()
    for parameter in update.parameters():
        nn.init.normal_(parameter)
    grad = torch.randn(rows, columns).double()
    update.change().backward(grad)
    short = bases.short[0]
    products = torch.einsum("Djk,Dc->jkc", bases.long, grad)  # H_j
    lam = 0.7 * torch.einsum("jkc,kc,jc->jk", products, short, update.gam)
    gam = 0.7 * torch.einsum("jk,kc,jkc->jc", update.lam, short, products)
    pairs = ((update.lam.grad, lam), (update.gam.grad, gam))
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


def saved_part() -> float:
    """Numbers of the largest tensor kept for backward, over max(r d, n r, n d)."""
    number, rank, columns = 8, 6, 48
    kept: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    lam, gam = torch.randn(number, rank), torch.randn(number, columns)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        basis = torch.randn(1, rank, columns)
        ScaledBasis.apply(basis, lam.requires_grad_(), gam.requires_grad_(), 1.0)
    return max(kept) / max(rank * columns, number * rank, number * columns)


def counts() -> dict[str, float]:
    """Closed forms, over every linear layer of the blocks."""
    base, large, vit = accounting.ROBERTA_BASE, accounting.ROBERTA_LARGE, accounting.VIT_B32
    llama = accounting.LLAMA3_8B
    return {
        "roberta_base_r64": accounting.randlora_numbers(base, 64),
        "roberta_base_lora4": accounting.lora_numbers(base, 4),
        "roberta_large_r100": accounting.randlora_numbers(large, 100),
        "roberta_large_lora4": accounting.lora_numbers(large, 4),
        "vit_b32_r6": accounting.randlora_numbers(vit, 6),
        "vit_b32_lora32": accounting.lora_numbers(vit, 32),
        "vit_b32_r3_over_r6": accounting.randlora_numbers(vit, 3)
        / accounting.randlora_numbers(vit, 6),
        "llama3_r15_millions": accounting.randlora_numbers(llama, 15) / 1e6,
        "llama3_r15_n136_millions": accounting.randlora_numbers(llama, 15, 136) / 1e6,
        "llama3_lora32_millions": accounting.lora_numbers(llama, 32) / 1e6,
    }


def count_error(models: list[str]) -> float:
    """Largest difference between a closed form and an adapted model of the published shapes."""
    known = {
        "roberta_base": (accounting.ROBERTA_BASE, 64),
        "roberta_large": (accounting.ROBERTA_LARGE, 100),
        "vit_b32": (accounting.VIT_B32, 6),
    }
    worst = 0
    for name in models:
        shapes, rank = known[name]
        with torch.device("meta"):
            model = nn.ModuleList(nn.Linear(columns, rows) for rows, columns in shapes)
        adapters = adapt(model, RandLoRAMethod(rank=rank))
        built = sum(adapter.number() for adapter in adapters.values())
        worst = max(worst, abs(built - accounting.randlora_numbers(shapes, rank)))
    return worst
