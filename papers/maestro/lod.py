"""Low-rank ordered decomposition: which layer is cut to which rank in a step, and the penalty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.compression.layers import replace, select
from papers.maestro.layers import Ordered, OrderedConv2d, OrderedLinear

ORDERED: dict[type[nn.Module], type[Ordered]] = {
    nn.Linear: OrderedLinear,
    nn.Conv2d: OrderedConv2d,
}


def decompose(
    model: nn.Module, *, include: Iterable[str] = ("*",), exclude: Iterable[str] = ()
) -> dict[str, Ordered]:
    """Put linear layers and convolutions into ordered factors, computing the same as before.

    Args:
        include: patterns of names, by default all.
        exclude: patterns of names that stay as they are.

    Returns:
        The ordered layers by name, in the order in which the model holds them.
    """
    found = {}
    for name, layer in select(model, tuple(ORDERED), include=include, exclude=exclude).items():
        found[name] = ORDERED[type(layer)](layer).to(layer.weight.device)
        replace(model, name, found[name])
    return found


@contextmanager
def at_widths(widths: Mapping[Ordered, int]) -> Iterator[None]:
    """Use so many components of these layers, all of the others, for the block."""
    before = {layer: layer.width for layer in widths}
    for layer, width in widths.items():
        layer.width = width
    try:
        yield
    finally:
        for layer, width in before.items():
            layer.width = width


class OneLayer:
    """Section 3.2: one layer a step, cut to a rank, all others whole.

    All pairs (layer, rank) in random order, each once before any comes again.

    Args:
        layers: whose ranks are sampled.
        generator: draws the order; on the CPU.
    """

    def __init__(self, layers: Iterable[Ordered], generator: torch.Generator):
        self._layers, self._generator = tuple(layers), generator
        self.left: list[tuple[int, int]] = []

    def __call__(self) -> dict[Ordered, int]:
        """The widths of the next step."""
        if not self.left:
            pairs = [(i, b) for i, la in enumerate(self._layers) for b in range(1, la.rank + 1)]
            order = torch.randperm(len(pairs), generator=self._generator).tolist()
            self.left = [pairs[k] for k in order]
        if not self.left:
            return {}
        index, width = self.left.pop()
        return {self._layers[index]: width}

    def rebuild(self) -> None:
        """Begin a new list; called when ranks have shrunk."""
        self.left = []


class AcrossLayers:
    """Ablation: a rank for every layer in each step, uniform from 1 to what is left."""

    def __init__(self, layers: Iterable[Ordered], generator: torch.Generator):
        self._layers, self._generator = tuple(layers), generator

    def __call__(self) -> dict[Ordered, int]:
        """The widths of the next step."""
        return {
            layer: int(torch.randint(1, layer.rank + 1, (1,), generator=self._generator))
            for layer in self._layers
            if layer.rank
        }

    def rebuild(self) -> None:
        """There is no list."""


def suffix_norms(factor: Float[Tensor, "m r"]) -> Float[Tensor, " r"]:
    """``||factor_{b:}||_F`` for every b, in one cumulative sum.

    Where nothing is left the gradient is 0: that of the square root would be infinite.
    """
    energies = factor.square().sum(0).flip(0).cumsum(0).flip(0)
    alive = energies > 0
    return torch.where(alive, energies, 1).sqrt() * alive


def column_norms(factor: Float[Tensor, "m r"]) -> Float[Tensor, " r"]:
    """``||factor_b||``, with gradient 0 at 0."""
    energies = factor.square().sum(0)
    alive = energies > 0
    return torch.where(alive, energies, 1).sqrt() * alive


def penalty(layers: Iterable[Ordered], *, hierarchical: bool = True) -> Float[Tensor, ""]:
    """Group lasso over the components that are left.

    Hierarchical (equation for R): a sum of norms of suffixes, so that a late component is in every
    term before its own and goes first. Otherwise a sum of norms of components.
    """
    norms = suffix_norms if hierarchical else column_norms
    whole = (layer.factors() for layer in layers)
    return sum(norms(U).sum() + norms(V).sum() for U, V in whole)


@torch.no_grad()
def importance(layer: Ordered, *, hierarchical: bool = True) -> Float[Tensor, " r"]:
    """Of every component, dropped ones 0: ``||U_{b:}|| ||V_{b:}||``, or of the columns alone."""
    norms = suffix_norms if hierarchical else column_norms
    U, V = layer.U * layer.kept, layer.V * layer.kept
    return norms(U) * norms(V) * layer.kept


def shrink(layers: Iterable[Ordered], least: float, *, hierarchical: bool = True) -> int:
    """Drop components of an importance below ``least`` (end of an epoch); returns how many."""
    dropped = 0
    for layer in layers:
        before = layer.rank
        layer.keep(importance(layer, hierarchical=hierarchical) >= least)
        dropped += before - layer.rank
    return dropped
