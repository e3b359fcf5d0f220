"""Pairs of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require, require_at_least, require_choice


@dataclass
class RetrievalSpec:
    """Do two documents belong together? See `common.data.retrieval`.

    Attributes:
        source: "planted", the synthetic stand-in (the genuine set is in no package), or "aan" for
            the official files local_source/aan/new_aan_pairs.{train,eval,test}.tsv.
        l_max: planted: letters of a document; aan: cut to l_max - 1 characters, then <eos> (4000
            at the published setting).
        train: planted: number of pairs; aan: the first pairs of the file, 0 takes all.
        val: see `train`.
        test: see `train`.
        seed: planted: decides keys and documents.
        alphabet: planted: number of letters, at most 26.
        n_keys: planted: number of keys shared by the splits.
        key_length: planted: letters of a key, which is also the width of a slot.
        copies: planted: slots of a document that hold its key.
    """

    LOADER: ClassVar[str] = "common.data.retrieval"

    source: str = "planted"
    l_max: int = 200
    train: int = 4_000
    val: int = 500
    test: int = 1_000
    seed: int = 0
    alphabet: int = 26
    n_keys: int = 16
    key_length: int = 8
    copies: int = 4

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "source", ("planted", "aan"))
        require_at_least(self, 2, "l_max", "alphabet", "n_keys")
        require_at_least(self, 1, "key_length", "copies")
        require_at_least(self, 0, "train", "val", "test", "seed")
        if self.source == "aan":
            return
        require_at_least(self, 1, "train", "test")
        require(self.alphabet <= 26, self, "alphabet", "2..26")
        require(
            self.n_keys <= self.alphabet**self.key_length,
            self,
            "n_keys",
            f"at most alphabet ** key_length = {self.alphabet**self.key_length} distinct keys",
        )
        require(
            self.copies <= self.l_max // self.key_length,
            self,
            "copies",
            f"at most l_max // key_length = {self.l_max // self.key_length} slots",
        )
