"""Trained rank pruning as a method of ``common.compression.compress``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from common.compression.allocation import ENERGY, Choice, allocate
from common.compression.compress import Work, cost_of
from common.compression.forms import FORMS
from common.compression.methods import largest_spectrum, ungrouped
from common.compression.tuning import Tuning, tune
from common.errors import InvalidInputError
from papers.trp.models import RankPruner, projected_layers


@dataclass
class RankPruning:
    """Trains with projections, then puts convolutions in factors; never the first of the model.

    Attributes:
        tuning: the batches and steps of the training.
        form: ``channel``, ``spatial`` or ``decoupled``.
        left_out: e of each projection.
        period: m, steps between projections.
        nuclear: lambda.
        final_left_out: e of the decomposition; a budget takes its place.
        strided: put in factors also layers of a stride, which are projected in any case.
    """

    tuning: Tuning
    form: str = "spatial"
    left_out: float = 0.02
    period: int = 5
    nuclear: float = 0.0
    final_left_out: float = 0.001
    strided: bool = False
    name = "trained rank pruning"
    kinds = (nn.Conv2d,)
    budgets = ("parameters", "macs", "bytes")

    def unsupported(self, layer: nn.Module) -> str | None:
        if tuple(layer.kernel_size) == (1, 1):
            return "has a 1 x 1 kernel"
        return ungrouped(layer)

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        form = FORMS[self.form]
        projected = {n: x for n, x in projected_layers(work.model).items() if n in work.layers}
        pruner = RankPruner(
            projected,
            form,
            left_out=self.left_out,
            period=self.period,
            nuclear=self.nuclear,
        )
        tune(
            work.model,
            self.tuning,
            before_step=pruner.before_step,
            before_update=pruner.before_update,
        )
        cut = {n: x for n, x in projected.items() if self.strided or tuple(x.stride) == (1, 1)}
        for name in work.layers.keys() - cut.keys():
            first = name not in projected
            work.reasons[name] = "is the first convolution" if first else "has a stride"
        if not cut:
            raise InvalidInputError(
                "No convolution is left to put in factors: "
                + "; ".join(f"{name} {reason}" for name, reason in work.reasons.items())
                + ". Give strided=True, or a model of several convolutions."
            )
        factors = {name: form.factors(layer) for name, layer in cut.items()}
        choices = {
            name: Choice.of(work, name, form, largest_spectrum(found.S))
            for name, found in factors.items()
        }
        amount = self.final_left_out if work.allowance is None else None
        allowance = work.allowance
        if allowance is not None:
            allowance -= sum(
                cost_of(work.layers[name], work.kind, work.macs[name])
                for name in work.layers.keys() - cut.keys()
            )
        ranks = allocate(choices, ENERGY, amount, allowance)
        return {
            name: form.build(factors[name].to_rank(rank), work.layers[name])
            for name, rank in ranks.items()
        }
