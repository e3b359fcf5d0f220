"""Parameters of a GPT in closed form, dense and with layers at chosen ranks.

A layer of d_in inputs and d_out outputs has d_in d_out weights, at rank r it has r (d_in + d_out):
fewer below the break-even r* = d_in d_out / (d_in + d_out), which is d/2 for a square matrix and
4d/5 between widths d and 4d. A reduction of the rank is quoted relative to the largest rank,
min(d_in, d_out); it is not a reduction of parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from common.compression.ranks import break_even
from common.errors import InvalidInputError
from common.nn.gpt import QKV, GPTConfig

# Shape of StarCoder (Li et al. 2023), the model of the headline figures; its head is tied.
STARCODER = GPTConfig(vocabulary=49_152, context=8192, layers=40, heads=48, width=6144, kv_heads=1)
MLP = ("mlp.c_fc", "mlp.c_proj")

Ranks = Mapping[str, int]  # type of layer (``mlp.c_fc``) -> rank


def shapes(config: GPTConfig) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of each type of linear layer in a block, in the order of the model."""
    width, kv = config.width, config.kv_width
    if config.fused_qkv:
        attention = {"attn.c_attn": (width + 2 * kv, width)}
    else:
        attention = {
            f"attn.{name}": (out, width) for name, out in zip(QKV, (width, kv, kv), strict=True)
        }
    return attention | {
        "attn.c_proj": (width, width),
        "mlp.c_fc": (4 * width, width),
        "mlp.c_proj": (width, 4 * width),
    }


def layer_parameters(shape: tuple[int, int], rank: int | None, bias: bool) -> int:
    """Of a linear layer, dense with None; factors always have a bias, what the mean leaves."""
    out, inputs = shape
    if rank is None:
        return out * inputs + bias * out
    return rank * (out + inputs) + out


def parameters(config: GPTConfig, blocks: Iterable[Ranks] | Ranks | None = None) -> int:
    """Of the whole model.

    Args:
        config: its shape.
        blocks: ranks of one block after the other, or of all blocks alike; layers without one stay
            dense.

    Raises:
        InvalidInputError: a type that the model does not have, a rank that is out of range, or
            another number of blocks.
    """
    every = [blocks or {}] * config.layers if not blocks or isinstance(blocks, Mapping) else blocks
    every = list(every)
    if len(every) != config.layers:
        raise InvalidInputError(f"Ranks of {len(every)} blocks; the model has {config.layers}.")
    norm = config.width * (2 if config.bias else 1)
    embeddings = (config.vocabulary + config.context) * config.width
    return embeddings + norm + sum(2 * norm + _block(config, ranks) for ranks in every)


def _block(config: GPTConfig, ranks: Ranks) -> int:
    found = shapes(config)
    if unknown := sorted(set(ranks) - set(found)):
        raise InvalidInputError(f"No layer {', '.join(unknown)}; there are: {', '.join(found)}.")
    for kind, rank in ranks.items():
        if not 0 <= rank <= min(found[kind]):
            raise InvalidInputError(f"rank={rank} of {kind}; allowed: 0 to {min(found[kind])}.")
    return sum(
        layer_parameters(shape, ranks.get(kind), config.bias) for kind, shape in found.items()
    )


def break_even_rank(shape: tuple[int, int]) -> Fraction:
    """r*, at which factors have as many weights as the matrix."""
    out, inputs = shape
    return Fraction(out * inputs, out + inputs)


def saves(shape: tuple[int, int], rank: int) -> bool:
    """Whether factors of this rank have fewer weights than the matrix; else it should stay."""
    return rank <= break_even(sum(shape), shape[0] * shape[1])


def rank_reduction(shape: tuple[int, int], rank: int) -> float:
    """Per cent of the largest rank that is cut."""
    return 100 * (1 - rank / min(shape))


def nearest(config: GPTConfig, kinds: Iterable[str], part: float, grid: int) -> dict[str, int]:
    """The rank, a multiple of ``grid`` and the same for all these types, at which the model comes
    nearest to this part of its parameters.

    Raises:
        InvalidInputError: even rank ``grid`` leaves more, or the grid is below 1.
    """
    if grid < 1:
        raise InvalidInputError(f"grid={grid}; allowed: 1 or more.")
    kinds = list(kinds)
    most, wanted = min(min(shapes(config)[kind]) for kind in kinds), part * parameters(config)
    left = {
        rank: parameters(config, dict.fromkeys(kinds, rank)) for rank in range(grid, most + 1, grid)
    }
    if not left or left[grid] > wanted:
        raise InvalidInputError(
            f"{part:g} of the parameters cannot be met by {', '.join(kinds)} at rank {grid} or "
            "more."
        )
    return dict.fromkeys(kinds, min(left, key=lambda rank: abs(left[rank] - wanted)))
