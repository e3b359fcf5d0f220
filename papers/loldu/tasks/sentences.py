"""U8 to U12, U14, U15: LoLDU and what it is compared with, on labelled sentences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from common.adapters.plain import adapt
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning import experiment
from common.fine_tuning.baselines import Choice
from papers.loldu.decompositions import ATOMS
from papers.loldu.models import INITS, LoLDUMethod

METHODS: Mapping[str, dict[str, Any]] = {
    "loldu": {},
    **{f"loldu_{atoms}": {"atoms": atoms} for atoms in ATOMS if atoms != "ldu"},
    **{f"loldu_from_{init}": {"init": init} for init in INITS if init != "ldu"},
    "loldu_decays_z": {"decay": "z"},
    "loldu_with_scale": {"train_scale": True},
}


def run(context: RunContext) -> TaskResult:
    """See `common.fine_tuning.experiment.run`; `METHODS` are settings of `LoLDUMethod`."""
    own = {name: partial(adapted, settings=settings) for name, settings in METHODS.items()}
    return experiment.run(context, own)


def adapted(model: nn.Module, choice: Choice, settings: dict[str, Any]) -> nn.Module:
    """Blocks with LoLDU beside the chosen layers."""
    method = LoLDUMethod(rank=choice.rank, alpha=choice.alpha, seed=choice.seed, **settings)
    adapt(model, method, include=choice.layers(model))
    return model
