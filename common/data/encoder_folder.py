"""BERT and RoBERTa (Devlin et al. 2019, Liu et al. 2019): encoders that others trained.

Nothing is fetched: the folder of a model is read as the model hub gives it, `config.json`,
`tokenizer.json` and `model.safetensors`. A RoBERTa is a BERT with one token type, another epsilon
and positions that begin after that of the padding: the rows before are left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.data.byte_pairs import tokenizers_library
from common.data.context import DataContext
from common.data.prepared import key
from common.data.specs.encoder import EncoderSpec
from common.errors import CorruptDataError, MissingDataError
from common.nn.bert import BertConfig, BertEncoder

FOLDER = "encoders"
FILES = ("config.json", "tokenizer.json", "model.safetensors")
_POSITIONS = "embeddings.position_embeddings.weight"
_PREFIXES = ("roberta.", "bert.")
_PARTS = ("embeddings.", "encoder.")
_LEFT_OUT = ("position_ids",)  # written by older releases of the library


@dataclass(frozen=True)
class BroughtEncoder:
    """Weights, tokenizer, and where they come from, as `minilm.MiniLM`.

    Attributes:
        state: for ``BertEncoder(config)``.
        config: its shape.
        eps: of its layer norms.
        tokenizer: serialised.
        name: of the encoder.
        source: in a line.
        content_sha256: of the tensors.
        key: of the folder.
        is_paper_data: papers here adapt it.
    """

    state: dict[str, Tensor]
    config: BertConfig
    eps: float
    tokenizer: str
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = True

    def model(self, device: torch.device | str = "cpu") -> BertEncoder:
        """An encoder that holds these very tensors, in evaluation mode."""
        with torch.device("meta"):
            model = BertEncoder(self.config)
        model.load_state_dict(self.state, assign=True)
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = self.eps
        return model.to(device).eval()


def load(spec: EncoderSpec, context: DataContext) -> BroughtEncoder:
    """Read the tensors, float32.

    Raises:
        MissingDataError: the folder, or a file in it, is not there.
        CorruptDataError: the files are not those of such an encoder, or not of one encoder.
        UserError: the extra `lm`, which reads the tokenizer, is not installed.
    """
    folder = _folder(spec, context)
    if folder is None:
        raise _missing(spec, context)
    config, eps, first = _config(folder)
    state = _tensors(folder)
    if _POSITIONS in state:
        state[_POSITIONS] = state[_POSITIONS][first:].clone()
    _check(folder, config, state)
    _check_tokenizer(folder, config)
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BroughtEncoder(
        state=state,
        config=config,
        eps=eps,
        tokenizer=(folder / "tokenizer.json").read_text(),
        name=spec.name,
        source=spec.name,
        content_sha256=digest,
        key=prepared_key(spec),
    )


def available(spec: EncoderSpec, context: DataContext) -> str | None:
    """None, or what has to be put where."""
    return None if _folder(spec, context) else str(_missing(spec, context))


def prepared_key(spec: EncoderSpec) -> str:
    """Nothing is prepared; the folder stands for the set."""
    return key(FOLDER, spec.name)


def _folder(spec: EncoderSpec, context: DataContext) -> Path | None:
    folder = context.local(FOLDER, spec.name)
    whole = folder is not None and all((folder / name).exists() for name in FILES)
    return folder if whole else None


def _missing(spec: EncoderSpec, context: DataContext) -> MissingDataError:
    place = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        f"{spec.name} ({', '.join(FILES)})",
        f"Get these files from the model hub and put them in {place}/{FOLDER}/{spec.name}/.",
    )


def _config(folder: Path) -> tuple[BertConfig, float, int]:
    """Shape, epsilon, and the first row of positions that an input uses."""
    try:
        given: dict[str, Any] = json.loads((folder / "config.json").read_text())
        kind = given["model_type"]
        if kind not in ("bert", "roberta"):
            raise ValueError(f"model_type is {kind!r}, wanted is 'bert' or 'roberta'")
        if given["hidden_act"] != "gelu":
            raise ValueError(f"hidden_act is {given['hidden_act']!r}, wanted is 'gelu'")
        first = given["pad_token_id"] + 1 if kind == "roberta" else 0
        config = BertConfig(
            vocabulary=given["vocab_size"],
            positions=given["max_position_embeddings"] - first,
            layers=given["num_hidden_layers"],
            heads=given["num_attention_heads"],
            width=given["hidden_size"],
            mlp_width=given["intermediate_size"],
            types=given["type_vocab_size"],
        )
        return config, float(given["layer_norm_eps"]), first
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptDataError(
            f"{folder / 'config.json'} does not describe a BERT ({error!r}). Get it anew."
        ) from error


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Those of embeddings and blocks, without the prefix that models with a head have."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise CorruptDataError(f"{folder} cannot be read ({error}). Get it anew.") from error
    state = {}
    for name, tensor in found.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
        name = name.replace("LayerNorm.beta", "LayerNorm.bias")
        if name.startswith(_PARTS) and not name.endswith(_LEFT_OUT):
            state[name] = tensor.float()
    return state


def _check(folder: Path, config: BertConfig, state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        wanted = {name: tuple(t.shape) for name, t in BertEncoder(config).state_dict().items()}
    found = {name: tuple(t.shape) for name, t in state.items()}
    if found != wanted:
        other = sorted(set(found.items()) ^ set(wanted.items()))
        raise CorruptDataError(
            f"The tensors in {folder} are not those of its config.json: {other[0][0]} and "
            f"{len(other) - 1} more differ in name or shape. Get them anew."
        )


def _check_tokenizer(folder: Path, config: BertConfig) -> None:
    """One of another model gives numbers that these embeddings do not have."""
    library = tokenizers_library()
    try:
        tokenizer = library.Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises no narrower one
        raise CorruptDataError(
            f"{folder / 'tokenizer.json'} cannot be read ({error}). Get it anew."
        ) from error
    tokens, types = tokenizer.get_vocab_size(), 1 + max(tokenizer.encode("a", "b").type_ids)
    if tokens > config.vocabulary or types > config.types:
        raise CorruptDataError(
            f"{folder / 'tokenizer.json'} is of another model than its config.json: {tokens} "
            f"tokens of {types} types, where the embeddings have {config.vocabulary} of "
            f"{config.types}. Get both of one model."
        )
