"""R8, R10: RandLoRA and what it is compared with, on labelled sentences."""

from __future__ import annotations

from torch import nn

from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning import experiment
from common.fine_tuning.baselines import Choice
from papers.randlora.bases import number_of_bases
from papers.randlora.models import RandLoRAMethod
from papers.randlora.variants import NoLAMethod, SummedMethod


def run(context: RunContext) -> TaskResult:
    """See `common.fine_tuning.experiment.run`."""
    return experiment.run(
        context,
        {"randlora": randlora, "randlora_a": summed, "randlora_b": half, "nola": nola},
    )


def randlora(model: nn.Module, choice: Choice) -> nn.Module:
    """RandLoRA of full rank; the update is scaled by 10 / r, as for CLIP, unless alpha is given."""
    return _adapted(
        model, choice, RandLoRAMethod(rank=choice.rank, alpha=_alpha(choice), seed=choice.seed)
    )


def half(model: nn.Module, choice: Choice) -> nn.Module:
    """RandLoRA-b: half of the rank at as many numbers, by as many bases of half the rank."""
    width = min(min(model.get_submodule(name).weight.shape) for name in choice.layers(model))
    method = RandLoRAMethod(
        rank=max(1, choice.rank // 2),
        num_bases=number_of_bases(width, choice.rank),
        alpha=_alpha(choice),
        seed=choice.seed,
    )
    return _adapted(model, choice, method)


def summed(model: nn.Module, choice: Choice) -> nn.Module:
    """RandLoRA-a, of rank r."""
    return _adapted(model, choice, SummedMethod(choice.rank, _alpha(choice), seed=choice.seed))


def nola(model: nn.Module, choice: Choice) -> nn.Module:
    """NoLA of 1,024 pairs."""
    alpha = 1.0 if choice.alpha is None else choice.alpha
    return _adapted(model, choice, NoLAMethod(rank=choice.rank, alpha=alpha, seed=choice.seed))


def _alpha(choice: Choice) -> float:
    return 10.0 if choice.alpha is None else choice.alpha


def _adapted(model: nn.Module, choice: Choice, method) -> nn.Module:
    adapt(model, method, include=choice.layers(model))
    return model
