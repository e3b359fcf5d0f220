"""The language model with so many per cent of its parameters cut, MLPs alone, at one rank."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from common.compression.language_models import LanguageStart
from common.errors import InvalidInputError
from papers.lord import accounting
from papers.lord.accounting import MLP, Ranks
from papers.lord.models import linear_layers, low_rank_in_groups


def cut(
    start: LanguageStart, per_cent: float, grid: int, calibration_tokens: int, seed: int
) -> tuple[nn.Module, Ranks]:
    """A copy by AFM, and the rank of each type of layer; of 0 per cent a whole copy.

    Args:
        start: the model and its training files.
        per_cent: of the parameters of the whole model, met as nearly as the grid allows.
        grid: ranks are multiples of it.
        calibration_tokens: of training files.
        seed: of the calibration windows.

    Raises:
        InvalidInputError: ``per_cent`` is out of range, or MLPs alone cannot save so much.
    """
    if not 0 <= per_cent < 100:
        raise InvalidInputError(f"task.cut={per_cent}; allowed: 0 to below 100 per cent.")
    if not per_cent:
        return start.copy(), {}
    ranks = accounting.nearest(start.model.config, MLP, 1 - per_cent / 100, grid)
    chosen = of_layers(ranks, linear_layers(start.model))
    targets = {name: start.model.get_submodule(name) for name in chosen}
    batches = start.calibration(calibration_tokens, seed)
    return low_rank_in_groups(start.model, targets, chosen, batches), ranks


def of_layers(ranks: Ranks, names: Iterable[str]) -> dict[str, int]:
    """The rank of each layer of these types."""
    return {name: ranks[kind] for name in names for kind in ranks if name.endswith(f".{kind}")}
