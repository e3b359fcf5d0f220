"""A ListOps expression as tree, as tokens and as text, and its value.

Tree: an int 0..9, or (operator, arguments) with an operator name of `OPERATORS`.
Tokens: symbol codes in prefix order; an operator opens its bracket and `CLOSE` shuts it.
Text (official): binary and left-nested, `( ( ( [MAX 3 ) 7 ) ] )` for MAX(3, 7). Its parentheses
say nothing that the brackets do not, so the encoding drops them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

MIN, MAX, MED, SM, CLOSE = 10, 11, 12, 13, 14
FIRST_OPERATOR = MIN
OPERATORS = {MIN: "[MIN", MAX: "[MAX", MED: "[MED", SM: "[SM"}

# The closing bracket is renamed X in the vocabulary, as in LRA.
SYMBOLS = (*map(str, range(10)), "[MIN", "[MAX", "[MED", "[SM", "X")

Tree = int | tuple[str, tuple["Tree", ...]]

_CODES = {symbol: code for code, symbol in enumerate(SYMBOLS)} | {"]": CLOSE}


class ExpressionError(ValueError):
    """Not a ListOps expression; the message says where and why."""


def evaluate(tree: Tree) -> int:
    """Value 0..9. MED of an even number of arguments is the mean of the middle two, truncated."""
    if isinstance(tree, int):
        return tree
    operator, arguments = tree
    values = sorted(evaluate(argument) for argument in arguments)
    if operator == "[MIN":
        return values[0]
    if operator == "[MAX":
        return values[-1]
    if operator == "[SM":
        return sum(values) % 10
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) // 2


def to_text(tree: Tree) -> str:
    """The official text form."""
    if isinstance(tree, int):
        return str(tree)
    operator, arguments = tree
    text = operator
    for argument in arguments:
        text = f"( {text} {to_text(argument)} )"
    return f"( {text} ] )"


def to_tokens(tree: Tree) -> list[int]:
    """Symbol codes in prefix order."""
    if isinstance(tree, int):
        return [tree]
    operator, arguments = tree
    inner = [token for argument in arguments for token in to_tokens(argument)]
    return [_CODES[operator], *inner, CLOSE]


def tokenize(text: str) -> list[int]:
    """Symbol codes of a text; parentheses are checked for balance and dropped.

    Raises:
        ExpressionError: for an unknown token or unbalanced parentheses.
    """
    tokens, parentheses = [], 0
    for number, word in enumerate(text.split(), start=1):
        if word in ("(", ")"):
            parentheses += 1 if word == "(" else -1
            if parentheses < 0:
                raise ExpressionError(f"word {number} closes a parenthesis that was never opened")
        elif word in _CODES:
            tokens.append(_CODES[word])
        else:
            raise ExpressionError(
                f"word {number} is {word!r}; allowed: 0..9, [MIN, [MAX, [MED, [SM, ], ( and )"
            )
    if parentheses:
        raise ExpressionError(f"{parentheses} parentheses are never closed")
    return tokens


def from_tokens(tokens: Sequence[int] | np.ndarray) -> Tree:
    """The tree of a token sequence.

    Raises:
        ExpressionError: if the brackets are not balanced or there is not exactly one tree.
    """
    open_operators: list[str] = []
    argument_lists: list[list[Tree]] = [[]]
    for number, token in enumerate(map(int, tokens), start=1):
        if token in OPERATORS:
            open_operators.append(OPERATORS[token])
            argument_lists.append([])
        elif token != CLOSE:
            argument_lists[-1].append(token)
        elif not open_operators:
            raise ExpressionError(f"token {number} closes a bracket that was never opened")
        else:
            arguments = tuple(argument_lists.pop())
            if not arguments:
                raise ExpressionError(f"the operator closed by token {number} has no arguments")
            argument_lists[-1].append((open_operators.pop(), arguments))
    if open_operators:
        raise ExpressionError(f"{len(open_operators)} brackets are never closed")
    if len(argument_lists[0]) != 1:
        raise ExpressionError(f"{len(argument_lists[0])} expressions where one is expected")
    return argument_lists[0][0]


def from_text(text: str) -> Tree:
    """The tree of an official text (`tokenize`, then `from_tokens`)."""
    return from_tokens(tokenize(text))


def depth(tree: Tree) -> int:
    """1 for a digit."""
    return 1 if isinstance(tree, int) else 1 + max(map(depth, tree[1]))


def to_words(tokens: Iterable[int]) -> str:
    """Symbols separated by blanks, for people."""
    return " ".join(SYMBOLS[token] for token in tokens)
