"""Bytes of fine-tuning with adapters, in closed form: what QLoRA holds, with and without LORD.

Held are the frozen weights (linear layers of the blocks in NF4, all else in ``other_bytes`` each),
the adapters, their gradients and Adam's two moments; activations are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.compression.nf4 import nf4_bytes
from common.nn.gpt import GPTConfig
from papers.lord.accounting import Ranks, parameters, shapes


@dataclass(frozen=True)
class Memory:
    """Bytes.

    Attributes:
        base: frozen weights, as stored.
        adapters: the adapters' parameters.
        gradients: of the adapters.
        optimiser: Adam's two moments of each adapter parameter.
    """

    base: int
    adapters: int
    gradients: int
    optimiser: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.base + self.adapters + self.gradients + self.optimiser


def qlora(
    config: GPTConfig,
    ranks: Iterable[Ranks] | Ranks | None,
    adapter_rank: int,
    *,
    other_bytes: int = 4,
    double: bool = True,
) -> Memory:
    """Of a GPT whose blocks have layers at these ranks, see ``accounting.parameters``.

    Args:
        config: shape of the model; its head is tied.
        ranks: of one block after the other, or of all alike; None: no factors.
        adapter_rank: at every linear layer, each factor counting as one.
        other_bytes: of each embedding, norm and bias.
        double: hold the scales of NF4 in 8 bits.
    """
    every = [ranks or {}] * config.layers if not ranks or isinstance(ranks, Mapping) else ranks
    every = list(every)
    matrices = [m for block in every for m in _matrices(config, block)]
    weights = sum(out * inputs for out, inputs in matrices)
    others = parameters(config, every) - weights
    trained = adapter_rank * sum(out + inputs for out, inputs in matrices)
    return Memory(
        base=sum(nf4_bytes(out * inputs, double) for out, inputs in matrices)
        + other_bytes * others,
        adapters=4 * trained,
        gradients=4 * trained,
        optimiser=8 * trained,
    )


def _matrices(config: GPTConfig, ranks: Ranks) -> Iterable[tuple[int, int]]:
    """(outputs, inputs) of each linear layer of a block, factors apart."""
    for kind, (out, inputs) in shapes(config).items():
        if kind in ranks:
            yield ranks[kind], inputs
            yield out, ranks[kind]
        else:
            yield out, inputs
