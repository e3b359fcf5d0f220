"""F10, F13: on linear layers FLoRA reaches what LoRA reaches; is it trained better?"""

from __future__ import annotations

from torch import nn

from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning import experiment
from common.fine_tuning.baselines import Choice
from papers.flora.measures import amplification, norm
from papers.flora.methods import changes
from papers.flora.models import FLoRAMethod

DIRECTIONS = 4


def run(context: RunContext) -> TaskResult:
    """See `common.fine_tuning.experiment.run`; also ``norm`` and ``amplification`` of the change,
    of all layers together and the mean of the layers, by four directions."""
    return experiment.run(context, {"flora": flora}, of_change)


def of_change(before: nn.Module, after: nn.Module, choice: Choice) -> dict[str, float]:
    """Norm and amplification of what the chosen layers changed by."""
    layers = tuple(choice.layers(before))
    weights = {name: before.get_submodule(name).weight.detach().clone() for name in layers}
    found = {name: change.detach() for name, change in changes(after, layers, weights).items()}
    if not any(change.any() for change in found.values()):
        return {"norm": 0.0}
    return {"norm": norm(found), "amplification": amplification(found, weights, DIRECTIONS)}


def flora(model: nn.Module, choice: Choice) -> nn.Module:
    """Scaled by 4, unless alpha is given."""
    method = FLoRAMethod(rank=choice.rank, alpha=choice.alpha, seed=choice.seed)
    adapt(model, method, include=choice.layers(model))
    return model
