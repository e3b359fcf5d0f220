"""Maestro as a method of ``common.compression.compress``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from common.compression.allocation import ABSOLUTE, Choice, allocate
from common.compression.batchnorm import recalibrate
from common.compression.compress import Work
from common.compression.forms import CHANNEL, form_of
from common.compression.layers import replace
from common.compression.methods import LINEAR_AND_CONV, ungrouped
from common.compression.tuning import Tuning, tune
from papers.maestro.lod import ORDERED, importance
from papers.maestro.models import OrderedDecomposition


@dataclass
class Maestro:
    """Trains by ordered decomposition, then cuts every layer by one threshold on importance.

    Attributes:
        tuning: the batches and steps of the training; its loss is cross-entropy.
        sampling: ``one_layer`` or ``across_layers``.
        group_lasso: lambda.
        hierarchical: the lasso's norms are of suffixes, else of columns.
        threshold: of the importance, one for all layers; a budget takes its place.
        recalibration: batches of the training on which batch norms are taken anew after the cut.
    """

    tuning: Tuning
    sampling: str = "one_layer"
    group_lasso: float = 0.0
    hierarchical: bool = True
    threshold: float = 1e-3
    recalibration: int = 16
    name = "Maestro"
    kinds = LINEAR_AND_CONV
    budgets = ("parameters", "macs", "bytes")

    def unsupported(self, layer: nn.Module) -> str | None:
        return ungrouped(layer)

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        layers = {n: ORDERED[type(x)](x).to(x.weight.device) for n, x in work.layers.items()}
        for name, layer in layers.items():
            replace(work.model, name, layer)
        method = OrderedDecomposition(
            work.model,
            layers.values(),
            sampling=self.sampling,
            group_lasso=self.group_lasso,
            hierarchical=self.hierarchical,
        )
        tune(work.model, self.tuning, objective=method)
        choices = {
            name: Choice.of(work, name, form_of(work.layers[name], CHANNEL), importance(layer))
            for name, layer in layers.items()
        }
        amount = self.threshold if work.allowance is None else None
        ranks = allocate(choices, ABSOLUTE, amount, work.allowance)
        for name, layer in layers.items():
            layer.width = ranks.get(name)
        cut = {name: layer.cut() for name, layer in layers.items()}
        for name, layer in cut.items():
            replace(work.model, name, layer)
        # The running statistics are those of full and narrow passes mixed.
        recalibrate(work.model, self._images(work))
        return cut

    def _images(self, work: Work) -> Iterator[Tensor]:
        device = next(work.model.parameters()).device
        for inputs, _ in islice(self.tuning.batches, self.recalibration):
            yield inputs.to(device)
