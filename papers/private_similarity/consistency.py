"""Counts that agree with each other, from noisy ones: least squares, which costs no privacy (Hay,
Rastogi, Miklau and Suciu 2010). Beyond the paper."""

from __future__ import annotations

from papers.private_similarity.trees import CountTrees, LeafCounts


def consistent(trees: CountTrees) -> LeafCounts:
    """The leaves of the counts in which children sum to their parents, nearest to the noisy ones.

    Exact for equal noise on all nodes. From the leaves up a node is weighed against the sum of its
    children, from the root down what a parent has over its children is shared equally.
    """
    arity, up = trees.arity, [trees.levels[0]]
    for height, level in enumerate(trees.levels[1:], start=2):
        below = arity ** (height - 1)
        own = (arity**height - below) / (arity**height - 1)
        children = up[-1].unflatten(1, (-1, arity)).sum(-1)
        up.append(own * level + (1 - own) * children)
    down = up[-1]
    for level in reversed(up[:-1]):
        families = level.unflatten(1, (-1, arity))
        missing = (down - families.sum(-1)) / arity
        down = (families + missing[..., None]).flatten(1)
    return LeafCounts(down)
