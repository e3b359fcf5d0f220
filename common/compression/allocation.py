"""Ranks of several layers under one budget, or by one rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from common.compression import ranks
from common.compression.compress import Work, cost_of
from common.compression.forms import ConvForm, LinearForm, macs_at_a_position
from common.errors import InvalidInputError

ENERGY, UNIFORM, GLOBAL, ABSOLUTE = "energy", "uniform", "global", "absolute"
RULES = (ENERGY, UNIFORM, GLOBAL, ABSOLUTE)


@dataclass(frozen=True)
class Choice:
    """A layer whose rank is to be chosen.

    Attributes:
        spectrum: what each component is worth, descending: singular values, or square roots of
            eigenvalues.
        unit: cost of one rank in the budget's unit.
        dense: cost of the layer as it is.
        most: the largest rank.
    """

    spectrum: Tensor
    unit: int
    dense: int
    most: int

    @classmethod
    def of(cls, work: Work, name: str, form: ConvForm | LinearForm, spectrum: Tensor) -> Choice:
        """Of a layer of this form."""
        layer = work.layers[name]
        dense = cost_of(layer, work.kind, work.macs[name])
        if work.kind == "macs":
            unit = form.unit_macs(layer) * (work.macs[name] // macs_at_a_position(layer))
        else:
            unit = form.unit(layer) * (dense // layer.weight.numel())
        return cls(spectrum, unit, dense, form.largest_rank(layer))

    def cost(self, rank: int) -> int:
        """Of this rank; where factors cost as much, the layer stays dense."""
        return min(rank * self.unit, self.dense)

    def whole(self, rank: int) -> bool:
        """Whether the dense layer is as cheap."""
        return rank * self.unit >= self.dense


def allocate(
    choices: Mapping[str, Choice],
    rule: str,
    amount: float | None = None,
    allowance: int | None = None,
) -> dict[str, int]:
    """Rank of each layer that is to be factorised; those that would cost as much are left out.

    Args:
        rule: ``energy``: each layer leaves out this part of its sum of squares; ``uniform``: each
            keeps this part of its largest rank; ``global``: components above one threshold on the
            spectra, each relative to its layer's norm; ``absolute``: the same, of the spectra as
            they are.
        amount: of the rule; None where the budget decides.
        allowance: what all may cost; then the amount that keeps most is found.

    Raises:
        InvalidInputError: neither amount nor allowance, an unknown rule, or rank 1 everywhere costs
            more than allowed.
    """
    if rule not in RULES:
        raise InvalidInputError(f"rule={rule!r}; allowed: {', '.join(RULES)}.")
    if (amount is None) == (allowance is None):
        raise InvalidInputError(
            "Give either a budget or the amount of the rule (the part of the energy or of the "
            "rank, the threshold), not both."
        )
    if rule in (GLOBAL, ABSOLUTE) and allowance is not None:
        chosen = _global_within(choices, rule, allowance)
    else:
        at = _rule(choices, rule)
        chosen = at(amount) if allowance is None else _within(choices, at, allowance)
    return {name: rank for name, rank in chosen.items() if not choices[name].whole(rank)}


def _rule(choices: Mapping[str, Choice], rule: str) -> Callable[[float], dict[str, int]]:
    def one(choice: Choice, amount: float) -> int:
        if rule == ENERGY:
            return max(1, ranks.by_energy(choice.spectrum, amount))
        if rule == UNIFORM:
            return ranks.by_fraction(amount, choice.most)
        return max(1, ranks.by_value(_worth(choice.spectrum, rule), amount))

    return lambda amount: {name: one(choice, amount) for name, choice in choices.items()}


def _within(
    choices: Mapping[str, Choice], at: Callable[[float], dict[str, int]], allowance: int
) -> dict[str, int]:
    """The largest ranks that fit, along a rule whose cost is monotone in its amount in [0, 1]."""

    def fits(found: dict[str, int]) -> bool:
        return sum(choices[name].cost(rank) for name, rank in found.items()) <= allowance

    # Energy grows smaller with its amount, a part of the rank larger: look from the smaller end.
    low, high = 1e-9, 1 - 1e-9
    if not fits(at(low)):
        small, large = high, low
    else:
        small, large = low, high
    if not fits(at(small)):
        least = dict.fromkeys(choices, 1)
        if not fits(least):
            raise _impossible(choices, allowance)
        return least
    for _ in range(40):
        middle = (small + large) / 2
        if fits(at(middle)):
            small = middle
        else:
            large = middle
    return at(small)


def _global_within(choices: Mapping[str, Choice], rule: str, allowance: int) -> dict[str, int]:
    candidates = {
        name: ranks.Candidate(_worth(c.spectrum, rule).tolist(), c.unit, c.dense)
        for name, c in choices.items()
    }
    return ranks.by_budget(candidates, allowance)


def _worth(spectrum: Tensor, rule: str) -> Tensor:
    if rule == ABSOLUTE:
        return spectrum.double()
    norm = torch.linalg.vector_norm(spectrum.double())
    return spectrum.double() / norm if norm > 0 else spectrum.double()


def _impossible(choices: Mapping[str, Choice], allowance: int) -> InvalidInputError:
    floor = sum(choice.cost(1) for choice in choices.values())
    return InvalidInputError(
        f"The budget leaves {allowance:,} for these layers; rank 1 in each costs {floor:,}. Allow "
        "more, or leave layers out."
    )
