"""F10: on linear layers FLoRA reaches what LoRA reaches; is it trained better?"""

from __future__ import annotations

from torch import nn

from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning import experiment
from common.fine_tuning.baselines import Choice
from papers.flora.models import FLoRAMethod


def run(context: RunContext) -> TaskResult:
    """See `common.fine_tuning.experiment.run`."""
    return experiment.run(context, {"flora": flora})


def flora(model: nn.Module, choice: Choice) -> nn.Module:
    """Scaled by 4, unless alpha is given."""
    method = FLoRAMethod(rank=choice.rank, alpha=choice.alpha, seed=choice.seed)
    adapt(model, method, include=choice.layers(model))
    return model
