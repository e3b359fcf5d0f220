"""Sentences and pairs of sentences as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from common.data.byte_pairs import tokenizers_library


@dataclass(frozen=True)
class Encoded:
    """Rows of tokens, padded to the longest.

    Attributes:
        tokens: numbers in the vocabulary.
        mask: where there is a token.
        types: 1 in the second sentence of a pair.
        labels: classes.
    """

    tokens: Int64[Tensor, "n t"]
    mask: Bool[Tensor, "n t"]
    types: Int64[Tensor, "n t"]
    labels: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Int64[Tensor, " k"]) -> Encoded:
        """Some rows, in that order, without the padding that none of them needs."""
        mask = self.mask[rows]
        longest = int(mask.sum(1).max())
        return Encoded(
            self.tokens[rows, :longest],
            mask[:, :longest],
            self.types[rows, :longest],
            self.labels[rows],
        )


def encode(
    tokenizer: str,
    first: Sequence[str],
    second: Sequence[str],
    labels: Sequence[int],
    longest: int,
) -> Encoded:
    """Tokenise rows; a pair is one input, its second sentence of type 1.

    Args:
        tokenizer: serialised.
        second: empty where rows are single sentences.
        longest: tokens of a row, its opening and closing ones included; the longer sentence of a
            pair is cut first.

    Raises:
        UserError: the extra `lm` is not installed.
    """
    library = tokenizers_library().Tokenizer.from_str(tokenizer)
    library.enable_truncation(longest)
    library.enable_padding()
    rows = list(zip(first, second, strict=True)) if second else list(first)
    encoded = library.encode_batch(rows)
    return Encoded(
        torch.tensor([row.ids for row in encoded]),
        torch.tensor([row.attention_mask for row in encoded]).bool(),
        torch.tensor([row.type_ids for row in encoded]),
        torch.tensor(labels, dtype=torch.int64),
    )
