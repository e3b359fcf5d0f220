"""Methods that need no paper: the controls that every comparison of sizes has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from common.compression.allocation import ENERGY, Choice, allocate
from common.compression.compress import Work
from common.compression.decoded import Decoded, RoundedWeight
from common.compression.factorised import refuse_grouped
from common.compression.forms import FORMS, form_of
from common.errors import InvalidInputError

LINEAR_AND_CONV = (nn.Linear, nn.Conv2d)


def ungrouped(layer: nn.Module) -> str | None:
    """Why a convolution cannot be put in factors, or None."""
    if isinstance(layer, nn.Conv2d):
        try:
            refuse_grouped(layer)
        except ValueError as error:
            return f"is {error}"
    return None


@dataclass
class TruncatedSVD:
    """Each weight by its best approximation of a rank, blind to data.

    Attributes:
        rule: how ranks are chosen, see ``common.compression.allocation``.
        amount: of the rule; None where a budget decides.
        form: of convolutions, ``channel``, ``spatial`` or ``decoupled``.
    """

    rule: str = ENERGY
    amount: float | None = None
    form: str = "channel"
    name = "truncated SVD"
    kinds = LINEAR_AND_CONV
    budgets = ("parameters", "macs", "bytes")

    def unsupported(self, layer: nn.Module) -> str | None:
        return ungrouped(layer)

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        forms = {name: form_of(layer, FORMS[self.form]) for name, layer in work.layers.items()}
        factors = {name: forms[name].factors(layer) for name, layer in work.layers.items()}
        choices = {
            name: Choice.of(work, name, forms[name], largest_spectrum(factors[name].S))
            for name in work.layers
        }
        ranks = allocate(choices, self.rule, self.amount, work.allowance)
        return {
            name: forms[name].build(factors[name].to_rank(rank), work.layers[name])
            for name, rank in ranks.items()
        }


def largest_spectrum(values: Tensor) -> Tensor:
    """Of one matrix; of several the largest at each place, since they share one rank."""
    return values if values.ndim == 1 else values.amax(0)


@dataclass
class MagnitudePruning:
    """The smallest weights of all layers together are set to zero (Han et al. 2015).

    Parameters and multiply-adds are counted as those that are left; a dense kernel does not get
    faster, and a state dict not smaller, so that only parameters make a budget.

    Attributes:
        keep: part of the weights that is left; None where a budget decides.
    """

    keep: float | None = None
    name = "magnitude pruning"
    kinds = LINEAR_AND_CONV
    budgets = ("parameters",)

    def unsupported(self, layer: nn.Module) -> str | None:
        return None

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        total = sum(layer.weight.numel() for layer in work.layers.values())
        kept = work.allowance if self.keep is None else round(self.keep * total)
        if kept is None:
            raise InvalidInputError("Give a budget of parameters, or keep=, the part to be left.")
        with torch.no_grad():
            magnitudes = torch.cat([x.weight.abs().flatten() for x in work.layers.values()])
            cut = magnitudes.kthvalue(max(1, total - kept)).values if kept < total else -1.0
            for layer in work.layers.values():
                layer.weight.mul_(layer.weight.abs() > cut)
        return dict(work.layers)


@dataclass
class Rounding:
    """Weights as integer codes with a scale a row or a group; biases and norms stay as they are.

    Attributes:
        bits: of a code, 4 or 8.
        group: neighbours in a row that share a scale; 0 takes the row.
    """

    bits: int = 8
    group: int = 0
    name = "round to nearest"
    kinds = LINEAR_AND_CONV
    budgets = ()

    def __post_init__(self) -> None:
        if self.bits not in (4, 8):
            raise InvalidInputError(f"bits={self.bits}; allowed: 4, 8.")

    def unsupported(self, layer: nn.Module) -> str | None:
        return None

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        return {
            name: Decoded(layer, RoundedWeight(layer.weight, self.bits, self.group))
            for name, layer in work.layers.items()
        }
