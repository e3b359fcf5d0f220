"""The StarCoder family (Li et al. 2023): code language models that others trained.

Their licence (bigcode-openrail-m) has to be accepted on the model hub before they can be had, so
nothing is fetched here: the folder of a model is read as the hub gives it, `config.json`,
`tokenizer.json` and `*.safetensors`, in which modules are called as in `common.nn.gpt`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from common.data.context import DataContext
from common.data.prepared import key
from common.data.specs.code_lm import CodeLMSpec
from common.errors import CorruptDataError, MissingDataError
from common.nn.gpt import GPT, GPTConfig

FOLDER = "starcoder"
TOKENIZER = "tokenizer.json"
_CHUNK = 1 << 24


@dataclass(frozen=True)
class CodeLM:
    """A trained model, as ``reference_lm.ReferenceLM``.

    Attributes:
        state: for ``GPT(config)``.
        config: its shape.
        tokenizer: serialised, as its corpora carry it.
        facts: empty: it was judged by others.
        name: of the model.
        source: what it is, in a line.
        content_sha256: over all files of tensors.
        key: of the folder.
        is_paper_data: the papers use it.
    """

    state: dict[str, Tensor]
    config: GPTConfig
    tokenizer: str
    name: str
    source: str
    content_sha256: str
    key: str
    facts: dict[str, Any] = field(default_factory=dict)
    is_paper_data: bool = True

    def model(self, device: torch.device | str = "cpu") -> GPT:
        """A model that holds these very tensors, in evaluation mode."""
        with torch.device("meta"):
            model = GPT(self.config)
        model.load_state_dict(self.state, assign=True)
        model.lm_head.weight = model.transformer.wte.weight
        return model.to(device).eval()


def load(spec: CodeLMSpec, context: DataContext) -> CodeLM:
    """Read the tensors, in the precision that is asked for.

    Raises:
        MissingDataError: the folder, or a file in it, is not there.
        CorruptDataError: the files are not those of a StarCoder.
    """
    folder = _folder(spec, context)
    if folder is None:
        raise _missing(spec, context)
    config = _config(folder)
    files = sorted(folder.glob("*.safetensors"))
    state = _tensors(folder, files, getattr(torch, spec.precision))
    _check(folder, config, state)
    return CodeLM(
        state=state,
        config=config,
        tokenizer=(folder / TOKENIZER).read_text(),
        name=spec.name,
        source=f"{spec.name} (bigcode)",
        content_sha256=_sha256(files),
        key=prepared_key(spec),
    )


def available(spec: CodeLMSpec, context: DataContext) -> str | None:
    """None, or what has to be put where."""
    return None if _folder(spec, context) else str(_missing(spec, context))


def prepared_key(spec: CodeLMSpec) -> str:
    """Nothing is prepared; the folder stands for the set."""
    return key(FOLDER, spec.name)


def starcoder_tokenizer(context: DataContext) -> str | None:
    """The serialised tokenizer, which the whole family shares, from the first model at hand."""
    root = context.local(FOLDER)
    found = sorted(root.glob(f"*/{TOKENIZER}")) if root else []
    return found[0].read_text() if found else None


def _folder(spec: CodeLMSpec, context: DataContext) -> Path | None:
    folder = context.local(FOLDER, spec.name)
    whole = folder is not None and all((folder / n).exists() for n in ("config.json", TOKENIZER))
    return folder if whole and any(folder.glob("*.safetensors")) else None


def _missing(spec: CodeLMSpec, context: DataContext) -> MissingDataError:
    place = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        f"{spec.name} (config.json, tokenizer.json, *.safetensors)",
        f"Accept its licence at https://huggingface.co/bigcode/{spec.name}, get these files there "
        f"and put them in {place}/{FOLDER}/{spec.name}/.",
    )


def _config(folder: Path) -> GPTConfig:
    try:
        given = json.loads((folder / "config.json").read_text())
        if given["model_type"] != "gpt_bigcode" or not given["multi_query"]:
            raise ValueError(f"model_type is {given['model_type']!r}, wanted is 'gpt_bigcode'")
        if given["n_inner"] not in (None, 4 * given["n_embd"]):
            raise ValueError(f"n_inner is {given['n_inner']}, wanted is 4 n_embd")
        return GPTConfig(
            vocabulary=given["vocab_size"],
            context=given["n_positions"],
            layers=given["n_layer"],
            heads=given["n_head"],
            width=given["n_embd"],
            kv_heads=1,
        )
    except (ValueError, KeyError) as error:
        raise CorruptDataError(
            f"{folder / 'config.json'} does not describe a StarCoder ({error!r}). Get it anew."
        ) from error


def _tensors(folder: Path, files: list[Path], dtype: torch.dtype) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    try:
        for file in files:
            state |= {name: t.to(dtype) for name, t in load_file(file).items()}
    except SafetensorError as error:
        raise CorruptDataError(f"{folder} cannot be read ({error}). Get it anew.") from error
    # Masks that older releases of the library wrote.
    state = {
        name: t for name, t in state.items() if not name.endswith((".attn.bias", ".masked_bias"))
    }
    state.setdefault("lm_head.weight", state.get("transformer.wte.weight"))
    return state


def _check(folder: Path, config: GPTConfig, state: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        wanted = {name: tuple(t.shape) for name, t in GPT(config).state_dict().items()}
    found = {name: tuple(t.shape) for name, t in state.items() if t is not None}
    if found != wanted:
        other = sorted(set(found.items()) ^ set(wanted.items()))
        raise CorruptDataError(
            f"The tensors in {folder} are not those of its config.json: {other[0][0]} and "
            f"{len(other) - 1} more differ in name or shape. Get them anew."
        )


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}|{path.stat().st_size}|".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
