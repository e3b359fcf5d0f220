"""Numbers of trained parameters in closed form, for the models of the paper's tables."""

from __future__ import annotations

from collections.abc import Iterable

from papers.randlora.bases import number_of_bases

Shape = tuple[int, int]


def randlora_numbers(shapes: Iterable[Shape], rank: int, most_bases: int | None = None) -> int:
    """n (r + d) a layer (Section 4.2); n = ceil(d / r), or the given number if that is less."""
    total = 0
    for shape in shapes:
        short = min(shape)
        number = number_of_bases(short, rank)
        total += min(number, most_bases or number) * (rank + short)
    return total


def lora_numbers(shapes: Iterable[Shape], rank: int) -> int:
    """r (out + in) a layer."""
    return sum(rank * (rows + columns) for rows, columns in shapes)


def encoder(layers: int, width: int, hidden: int, *, fused: bool = False) -> list[Shape]:
    """Every linear layer of a transformer's blocks: attention, output, and two of the MLP."""
    attention = [(3 * width, width)] if fused else [(width, width)] * 3
    return layers * [*attention, (width, width), (hidden, width), (width, hidden)]


ROBERTA_BASE = encoder(12, 768, 3072)
ROBERTA_LARGE = encoder(24, 1024, 4096)
VIT_B32 = encoder(12, 768, 3072, fused=True)
# Queries, keys and values (the latter two of 8 heads), and the MLP's up and down projections.
LLAMA3_8B = 32 * [(4096, 4096), (1024, 4096), (1024, 4096), (14336, 4096), (4096, 14336)]
