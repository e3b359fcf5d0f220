"""Weights of text encoders that others trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice


@dataclass
class EncoderSpec:
    """A BERT or a RoBERTa that one brings oneself; see `common.data.encoder_folder`.

    Attributes:
        name: of the folder `encoders/<name>` in the local source: "roberta-base", "roberta-large",
            "bert-base-uncased" or "bert-large-uncased".
    """

    LOADER: ClassVar[str] = "common.data.encoder_folder"

    name: str = "roberta-base"

    def validate(self) -> None:
        """Raise UserError for settings under which no such encoder exists."""
        require_choice(
            self,
            "name",
            ("roberta-base", "roberta-large", "bert-base-uncased", "bert-large-uncased"),
        )
