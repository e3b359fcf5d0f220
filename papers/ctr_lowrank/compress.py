"""This paper's compression as a method of ``common.compression.compress``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from common.compression.compress import Work
from common.errors import InvalidInputError
from papers.ctr_lowrank.compression import (
    Plan,
    compressed_tables,
    factorised,
    fuse,
    statistics,
)
from papers.ctr_lowrank.models.ctr import CtrModel

_FIRST = "mlp.layers.0"


@dataclass
class UnifiedLowRank:
    """Tables and layers of a :class:`CtrModel` at the ranks of a plan, not fine-tuned.

    The layers after the first of the MLP are replaced one by one, and reported so. Tables, and the
    first layer that their decoders are folded into unless it is excluded, change what passes
    between them: they are replaced together, and count in the report's totals.

    Attributes:
        plan: ranks and method; a budget cannot take its place.
    """

    plan: Plan
    kinds = (nn.Linear,)
    budgets = ()

    @property
    def name(self) -> str:
        """As reported."""
        return f"unified low rank ({self.plan.method})"

    def unsupported(self, layer: nn.Module) -> str | None:
        return "has one output" if layer.out_features == 1 else None

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        model = work.model
        if not isinstance(model, CtrModel):
            raise InvalidInputError(
                f"{self.name} compresses models of papers.ctr_lowrank.models.ctr, not "
                f"{type(model).__name__}; factorise its layers with another method."
            )
        found = statistics(model, work.calibration)
        replaced = {}
        for place, layer in enumerate(model.mlp.layers):
            name = f"mlp.layers.{place}"
            if self.plan.layer_rank is not None and place > 0 and name in work.layers:
                replaced[name] = factorised(layer, found.layers[place], self.plan)
        if self.plan.table_rank is not None:
            model.tables = compressed_tables(model.tables, found.fields, self.plan)
            if self.plan.fuse and model.FUSES and _FIRST in work.layers:
                fuse(model)
                work.reasons[_FIRST] = "has the decoders of the tables folded in"
        for name in work.layers.keys() - replaced.keys():
            work.reasons.setdefault(name, "is no layer that the plan factorises")
        return replaced
