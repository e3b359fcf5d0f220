"""Which rank: by the energy that is left out, by size of singular values, by cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def by_energy(singular_values: Float[Tensor, "*batch r"], left_out: float) -> int:
    """Smallest rank that leaves out at most this part of the sum of squares.

    Args:
        singular_values: descending; of several matrices, the smallest rank that does for all.
        left_out: in [0, 1). Exact ties count as left out (the kept part is >= 1 - left_out).

    Raises:
        InvalidInputError: ``left_out`` is out of range.
    """
    if not 0 <= left_out < 1:
        raise InvalidInputError(f"left_out={left_out}; allowed: 0 up to, not including, 1.")
    energies = singular_values.double().square()
    # tails[r] is what rank r leaves out, added from the smallest up; rank 0 leaves out all.
    tails = energies.flip(-1).cumsum(-1).flip(-1)
    return int((tails > left_out * tails[..., :1]).sum(-1).max())


def by_value(singular_values: Float[Tensor, "*batch r"], threshold: float) -> int:
    """Number of singular values of at least this size; of several matrices the largest number."""
    return int((singular_values >= threshold).sum(-1).max())


def by_fraction(fraction: float, most: int) -> int:
    """This fraction of the largest rank, rounded, at least 1.

    Raises:
        InvalidInputError: the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise InvalidInputError(f"fraction={fraction}; allowed: above 0, at most 1.")
    return max(1, round(fraction * most))


def to_grid(rank: int, grid: int, most: int) -> int:
    """The nearest multiple of ``grid`` from ``grid`` to ``most``; matrix units like round sizes."""
    if grid > most:
        return most
    return max(grid, min(most // grid, round(rank / grid)) * grid)


def break_even(unit: int, dense: int) -> int:
    """Largest rank at which factors cost less than the dense layer.

    Args:
        unit: cost of one rank: ``d_in + d_out`` parameters of a linear layer.
        dense: cost of the layer as it is: ``d_in d_out``.
    """
    return max(0, (dense - 1) // unit)


@dataclass(frozen=True)
class Candidate:
    """A layer whose rank is to be chosen.

    Attributes:
        gains: what each component is worth, descending; of layers that are to be compared with
            each other on one scale.
        unit: cost of one rank, in the unit of the budget.
        dense: cost of the layer as it is; at ranks that cost as much it stays so.
    """

    gains: Sequence[float]
    unit: int
    dense: int

    def cost(self, rank: int) -> int:
        """Of this rank."""
        return min(rank * self.unit, self.dense)


def by_budget(layers: Mapping[str, Candidate], budget: int, least: int = 1) -> dict[str, int]:
    """Ranks that keep every component above one threshold, the lowest that the budget allows.

    Args:
        layers: candidates by name.
        budget: cost of all of them together.
        least: no layer gets fewer.

    Returns:
        Rank of each layer; that of a layer that stays dense is the number of its components.

    Raises:
        InvalidInputError: not even ``least`` everywhere fits.
    """
    floor = sum(layer.cost(min(least, len(layer.gains))) for layer in layers.values())
    if budget < floor:
        raise InvalidInputError(
            f"A budget of {budget} cannot be met: rank {least} in every layer costs {floor}. Allow "
            "more, or leave fewer layers to be compressed."
        )

    def ranks(threshold: float) -> dict[str, int]:
        kept = {}
        for name, layer in layers.items():
            rank = max(min(least, len(layer.gains)), sum(g >= threshold for g in layer.gains))
            whole = rank * layer.unit >= layer.dense
            kept[name] = len(layer.gains) if whole else rank
        return kept

    def cost(threshold: float) -> int:
        return sum(layers[name].cost(rank) for name, rank in ranks(threshold).items())

    thresholds = sorted({g for layer in layers.values() for g in layer.gains})
    low, high = 0, len(thresholds)
    while low < high:  # the cost falls as the threshold rises
        middle = (low + high) // 2
        if cost(thresholds[middle]) <= budget:
            high = middle
        else:
            low = middle + 1
    return ranks(thresholds[low] if low < len(thresholds) else float("inf"))
