"""Byte-level byte-pair encoding: text to tokens of a small vocabulary, and back.

GPT-2's scheme (Radford et al. 2019): any text has an encoding, and words keep the space before
them. Extra `lm`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from common.errors import UserError

END_OF_TEXT = "<|endoftext|>"
END = 0  # its token


class BytePairs:
    """A learnt vocabulary.

    Args:
        serialised: what :attr:`serialised` gave.
    """

    def __init__(self, serialised: str):
        self.serialised = serialised
        self._tokenizer = tokenizers_library().Tokenizer.from_str(serialised)
        self._tokenizer.encode_special_tokens = True  # as plain text, if a text spells one out

    @classmethod
    def learn(cls, texts: Iterable[str], vocabulary: int) -> BytePairs:
        """From texts; the same texts in the same order give the same vocabulary.

        Args:
            texts: to count pairs in.
            vocabulary: tokens, the end of a text included.
        """
        library = tokenizers_library()
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str())

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> np.ndarray:
        """Tokens, uint16; an end of text written out in it is no special token."""
        return np.array(self._tokenizer.encode(text).ids, dtype=np.uint16)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens, ends of text left out."""
        return self._tokenizer.decode([int(token) for token in tokens])


def tokenizers_library():
    """The package, whole; raises UserError that names the extra where it is not installed."""
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise UserError(
            "Text is made into tokens with the package tokenizers, which is not installed: "
            "pip install 'structlab[lm]'."
        ) from error
    return tokenizers
