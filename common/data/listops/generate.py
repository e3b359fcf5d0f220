"""Random ListOps trees, grown level by level for thousands of roots at once.

The recursive definition (LRA's generator): gen(depth) is an operator with probability 1/4 below
`max_depth`, else a digit uniform on 0..9; an operator is uniform over MIN, MAX, MED, SM and has a
number of arguments uniform on 2..max_args, each gen(depth + 1). Drawing a whole level of many
trees in one numpy call follows the same law, since every draw is independent of all others, and a
tree that can no longer stay below `max_length` is dropped before it explodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.data.blocks import block_rng
from common.data.draws import uniform, uniform_integers
from common.data.listops.expression import CLOSE, FIRST_OPERATOR, MAX, MED, MIN, SM
from common.data.prepared import Arrays
from common.errors import UserError

OPERATOR_PROBABILITY = 0.25
NO_TOKEN = 255  # fills the rows of `ragged` tokens; not a symbol

_ROOTS_PER_DRAW = 4096
_HOPELESS_AFTER = 2_000_000  # the rarest useful setting accepts about one root in 10,000


@dataclass
class _Level:
    """The nodes of one depth; the children of a node are contiguous in the next level."""

    tree: np.ndarray  # index of the root it belongs to
    symbol: np.ndarray  # digit or operator
    n_args: np.ndarray  # 0 for a digit

    def keep(self, keep_tree: np.ndarray) -> _Level:
        kept = keep_tree[self.tree]
        return _Level(self.tree[kept], self.symbol[kept], self.n_args[kept])


def listops_block(
    block: int, *, size: int, seed: int, max_depth: int, max_args: int, min_length: int,
    max_length: int,
) -> Arrays:  # fmt: skip
    """The first `size` accepted trees of the stream (seed, block).

    Returns:
        tokens (size, max_length - 1) uint8 in prefix order, filled up with NO_TOKEN; lengths
        (size,) int64; values (size,) uint8.

    Raises:
        UserError: if no tree in millions has an allowed length.
    """
    rng = block_rng(seed, block)
    found: list[Arrays] = []
    n_found = n_roots = 0
    while n_found < size:
        batch = _accepted(rng, max_depth, max_args, min_length, max_length)
        found.append(batch)
        n_found += len(batch["values"])
        n_roots += _ROOTS_PER_DRAW
        if n_found == 0 and n_roots >= _HOPELESS_AFTER:
            raise UserError(
                f"None of {n_roots} ListOps trees with max_depth={max_depth}, max_args={max_args} "
                f"has between min_length={min_length} and max_length={max_length} tokens. Allow "
                "other lengths, more depth or more arguments."
            )
    return {name: np.concatenate([part[name] for part in found])[:size] for name in found[0]}


def _accepted(
    rng: np.random.Generator, max_depth: int, max_args: int, min_length: int, max_length: int
) -> Arrays:
    levels, lengths = _grow(rng, max_depth, max_args, max_length)
    accepted = (lengths > min_length) & (lengths < max_length)
    levels = [level.keep(accepted) for level in levels]
    lengths = lengths[accepted]
    sizes, values = _sizes_and_values(levels)
    tokens = np.full((len(lengths), max_length - 1), NO_TOKEN, dtype=np.uint8)
    _write(tokens, levels, sizes)
    return {"tokens": tokens, "lengths": lengths, "values": values[0].astype(np.uint8)}


def _grow(
    rng: np.random.Generator, max_depth: int, max_args: int, max_length: int
) -> tuple[list[_Level], np.ndarray]:
    """Levels from the root down, and the number of tokens of every tree (a lower bound for those
    given up, which is at least `max_length`)."""
    lengths = np.ones(_ROOTS_PER_DRAW, dtype=np.int64)
    tree = np.arange(_ROOTS_PER_DRAW)
    levels = []
    for depth in range(1, max_depth + 1):
        operator = np.zeros(len(tree), dtype=bool)
        if depth < max_depth:
            operator = uniform(rng, len(tree)) < OPERATOR_PROBABILITY
        symbol = uniform_integers(rng, 0, 9, len(tree))
        n_operators = int(operator.sum())
        symbol[operator] = uniform_integers(rng, MIN, SM, n_operators)
        n_args = np.zeros(len(tree), dtype=np.int64)
        n_args[operator] = uniform_integers(rng, 2, max_args, n_operators)
        levels.append(_Level(tree, symbol, n_args))
        # an operator brings its closing bracket and its arguments, each at least one token
        lengths += np.bincount(tree, n_args + operator, minlength=len(lengths)).astype(np.int64)
        tree = np.repeat(tree, np.where(lengths[tree] < max_length, n_args, 0))
        if len(tree) == 0:
            break
    return levels, lengths


def _sizes_and_values(levels: list[_Level]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Tokens and value of the subtree under every node, by level."""
    sizes: list[np.ndarray] = []
    values: list[np.ndarray] = []
    for level in reversed(levels):
        size = np.ones(len(level.tree), dtype=np.int64)
        value = level.symbol.copy()
        operator = level.n_args > 0
        if operator.any():
            n_args = level.n_args[operator]
            start = np.cumsum(n_args) - n_args
            size[operator] = 2 + np.add.reduceat(sizes[-1], start)
            value[operator] = _apply(level.symbol[operator], n_args, start, values[-1])
        sizes.append(size)
        values.append(value)
    return sizes[::-1], values[::-1]


def _apply(
    operator: np.ndarray, n_args: np.ndarray, start: np.ndarray, arguments: np.ndarray
) -> np.ndarray:
    group = np.repeat(np.arange(len(n_args)), n_args)
    ordered = arguments[np.lexsort((arguments, group))]
    middle = ordered[start + (n_args - 1) // 2] + ordered[start + n_args // 2]
    results = {
        MIN: ordered[start],
        MAX: ordered[start + n_args - 1],
        MED: middle // 2,
        SM: np.add.reduceat(arguments, start) % 10,
    }
    return np.choose(operator - FIRST_OPERATOR, [results[op] for op in (MIN, MAX, MED, SM)])


def _write(tokens: np.ndarray, levels: list[_Level], sizes: list[np.ndarray]) -> None:
    """Put every node at its place in prefix order."""
    row = np.arange(len(tokens))
    position = np.zeros(len(tokens), dtype=np.int64)
    for depth, level in enumerate(levels):
        tokens[row, position] = level.symbol
        operator = level.n_args > 0
        tokens[row[operator], position[operator] + sizes[depth][operator] - 1] = CLOSE
        if not operator.any():
            return
        n_args = level.n_args[operator]
        before = np.cumsum(sizes[depth + 1]) - sizes[depth + 1]
        before -= np.repeat(before[np.cumsum(n_args) - n_args], n_args)
        row = np.repeat(row[operator], n_args)
        position = np.repeat(position[operator] + 1, n_args) + before
