"""Interpolated n-gram models of token streams: what a neural language model has to beat."""

from __future__ import annotations

import numpy as np

from common.errors import InvalidInputError

Counts = tuple[np.ndarray, np.ndarray]  # distinct n-grams as integers, ascending; how often


class NGrams:
    """Absolute discounting, every order interpolated with the next lower one, the lowest with the
    uniform distribution (Chen and Goodman 1999, section 2.6):

        p(w | h) = max(c(h w) - D, 0) / c(h) + D n(h) / c(h) p(w | h without its first token)

    with n(h) the number of distinct tokens seen after h; after an unseen h, the shorter one alone.

    Args:
        tokens: the training stream, integers in [0, vocabulary).
        order: n; ``vocabulary ** order`` must fit in 62 bits.
        vocabulary: number of tokens.
        discount: D, in (0, 1).
    """

    def __init__(self, tokens: np.ndarray, order: int, vocabulary: int, discount: float = 0.75):
        if order < 1 or vocabulary**order >= 2**62:
            raise InvalidInputError(
                f"order={order}; allowed: 1 or more, with vocabulary ** order below 2^62."
            )
        if not 0 < discount < 1:
            raise InvalidInputError(f"discount={discount}; allowed: above 0, below 1.")
        if len(tokens) < order:
            raise InvalidInputError(f"{len(tokens)} tokens are too few for {order}-grams.")
        self.order, self.vocabulary, self.discount = order, vocabulary, discount
        self._grams = [np.unique(self._codes(tokens, n), return_counts=True)
                       for n in range(1, order + 1)]  # fmt: skip
        self._contexts = [self._context_counts(grams) for grams in self._grams]

    def probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """Of each token after the first ``order - 1``, given those before it; float64."""
        last = len(tokens) - self.order + 1
        found = np.full(last, 1 / self.vocabulary)
        for n, (grams, (contexts, totals, kinds)) in enumerate(
            zip(self._grams, self._contexts, strict=True), start=1
        ):
            codes = self._codes(tokens, n)[-last:]
            count = _look_up(grams[0], grams[1], codes)
            history = codes // self.vocabulary
            total = _look_up(contexts, totals, history)
            distinct = _look_up(contexts, kinds, history)
            seen = total > 0
            kept = np.maximum(count - self.discount, 0) + self.discount * distinct * found
            found = np.where(seen, kept / np.where(seen, total, 1), found)
        return found

    def perplexity(self, tokens: np.ndarray, before: int = 0) -> float:
        """Of every token but the first, given those before it; ``before`` stands in front of all.

        These are the tokens that a language model predicts from a stream.
        """
        padded = np.concatenate([np.full(self.order - 1, before), tokens])
        return float(np.exp(-np.log(self.probabilities(padded)[1:]).mean()))

    def _codes(self, tokens: np.ndarray, n: int) -> np.ndarray:
        """Every n-gram as one integer, its last token lowest."""
        codes = np.zeros(len(tokens) - n + 1, dtype=np.int64)
        for offset in range(n):
            codes = codes * self.vocabulary + tokens[offset : offset + len(codes)]
        return codes

    def _context_counts(self, grams: Counts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct contexts, how often each was followed, and by how many distinct tokens."""
        codes, counts = grams
        contexts, first, kinds = np.unique(
            codes // self.vocabulary, return_index=True, return_counts=True
        )
        return contexts, np.add.reduceat(counts, first), kinds


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
