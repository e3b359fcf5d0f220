"""How far the rank of one layer can fall before the perplexity rises, all else intact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression import layers
from common.errors import InvalidInputError
from common.nn.gpt import GPT
from common.trainers.perplexity import windows

KINDS = {
    "attn.c_attn": "attention_qkv",
    "attn.q_proj": "attention_qkv",
    "attn.k_proj": "attention_qkv",
    "attn.v_proj": "attention_qkv",
    "attn.c_proj": "attention_out",
    "mlp.c_fc": "mlp_up",
    "mlp.c_proj": "mlp_down",
}


def block_of(name: str) -> int:
    """Number of the block that a layer of a GPT stands in."""
    return int(name.split(".")[2])


def kind_of(name: str) -> str:
    """``attention_qkv``, ``attention_out``, ``mlp_up`` or ``mlp_down``."""
    return KINDS[".".join(name.split(".")[3:])]


class FromBlock:
    """Perplexities of a GPT whose layers change from some block on.

    What each block reads is kept, so that what comes before a changed layer is not computed again.

    Args:
        model: the intact model.
        stream: tokens.
        tokens: how many are predicted.
        context: of a window.
        batch_size: windows of a pass.
    """

    def __init__(
        self, model: GPT, stream: Int[Tensor, " n"], tokens: int, context: int, batch_size: int = 8
    ):
        self.model = model
        device = next(model.parameters()).device
        inputs, targets = windows(stream, context, tokens)
        self._targets = targets.to(device).split(batch_size)
        self._count = targets.numel()
        self._reads: list[list[Tensor]] = [[] for _ in range(len(model.transformer.h) + 1)]
        with torch.no_grad():
            for part in inputs.to(device).split(batch_size):
                x = model.embed(part)
                for number, block in enumerate(model.transformer.h):
                    self._reads[number].append(x)
                    x = block(x)
                self._reads[-1].append(x)
        self.intact = self._perplexity(len(model.transformer.h))

    def replaced(self, replacements: Mapping[str, nn.Module]) -> float:
        """Perplexity with these modules in the places of the layers of these names."""
        before = {name: self.model.get_submodule(name) for name in replacements}
        for name, module in replacements.items():
            layers.replace(self.model, name, module)
        try:
            return self._perplexity(min(map(block_of, replacements)))
        finally:
            for name, module in before.items():
                layers.replace(self.model, name, module)

    def increase(self, replacements: Mapping[str, nn.Module]) -> float:
        """Of the perplexity, in per cent of that of the intact model."""
        return 100 * (self.replaced(replacements) / self.intact - 1)

    @torch.no_grad()
    def _perplexity(self, block: int) -> float:
        total = 0.0
        for x, targets in zip(self._reads[block], self._targets, strict=True):
            logits = self.model.from_block(block, x)
            loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
            total += float(loss.double()) * targets.numel()
        return math.exp(total / self._count)


@dataclass(frozen=True)
class Found:
    """The smallest rank of a layer that one bound allows.

    Attributes:
        rank: on the grid; the largest rank where none below it will do.
        most: the largest rank.
    """

    rank: int
    most: int

    @property
    def cut(self) -> float:
        """Per cent of the largest rank that is cut."""
        return 100 * (1 - self.rank / self.most)


def smallest_ranks(
    increase: Callable[[int], float], most: int, grid: int, bounds: Sequence[float]
) -> dict[float, Found]:
    """By bisection on the multiples of ``grid``, for bounds on the increase of the perplexity.

    The increase is taken to fall with the rank; at the largest rank the layer is whole, and nothing
    is measured. Ranks that were tried for one bound are not tried again for another.

    Args:
        increase: rank -> per cent.
        most: the largest rank.
        grid: ranks are multiples of it, from ``grid`` on.
        bounds: per cent.

    Raises:
        InvalidInputError: the grid is wider than the largest rank.
    """
    if not 1 <= grid <= most:
        raise InvalidInputError(f"grid={grid}; allowed: 1 to the largest rank, {most}.")
    candidates = [*range(grid, most, grid), most]
    tried = {most: 0.0}

    def at(place: int) -> float:
        rank = candidates[place]
        if rank not in tried:
            tried[rank] = increase(rank)
        return tried[rank]

    found, high = {}, len(candidates) - 1
    for bound in sorted(bounds):
        low = 0  # a wider bound allows at least what a narrower one did: high stays
        while low < high:
            middle = (low + high) // 2
            if at(middle) <= bound:
                high = middle
            else:
                low = middle + 1
        found[bound] = Found(candidates[high], most)
    return found


def confirmed(
    found: Found, increase: Callable[[int], float], grid: int, bound: float
) -> tuple[Found, float]:
    """The first rank from the found one upwards that keeps the bound on more tokens too, and its
    increase there."""
    for rank in range(found.rank, found.most, grid):
        value = increase(rank)
        if value <= bound:
            return Found(rank, found.most), value
    return Found(found.most, found.most), 0.0


def averages(cuts: Mapping[str, float], by: Callable[[str], object]) -> dict[str, float]:
    """Mean cut of the layers that ``by`` gives the same name to."""
    groups: dict[str, list[float]] = {}
    for name, cut in cuts.items():
        groups.setdefault(str(by(name)), []).append(cut)
    return {name: sum(values) / len(values) for name, values in groups.items()}


def by_kind(names: Iterable[str]) -> dict[str, list[str]]:
    """Kind -> its layers."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(kind_of(name), []).append(name)
    return found
