"""A folder of the model hub's is read as it is, or it is said what is wrong with it."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from common.data.byte_pairs import BytePairs
from common.data.catalogue import available, load
from common.data.specs import CodeLMSpec, CorpusSpec
from common.errors import CorruptDataError, MissingDataError
from common.nn.gpt import GPT, GPTConfig

SPEC = CodeLMSpec("starcoderbase-1b", precision="float32")
CONFIG = GPTConfig(vocabulary=300, context=16, layers=2, heads=4, width=8, kv_heads=1)
JSON = {
    "model_type": "gpt_bigcode", "multi_query": True, "n_inner": 32, "vocab_size": 300,
    "n_positions": 16, "n_layer": 2, "n_head": 4, "n_embd": 8,
}  # fmt: skip


@pytest.fixture
def folder(local_context):
    path = local_context.local_source / "starcoder" / SPEC.name
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(JSON))
    (path / "tokenizer.json").write_text(BytePairs.learn(["x = 1\n"], 300).serialised)
    return path


@pytest.fixture
def model():
    return GPT(CONFIG).eval()


def write(folder, model, **changes):
    """In two files, the head left out as the hub leaves it, with a mask that old files have."""
    state = {n: t.detach().clone() for n, t in model.state_dict().items() if n != "lm_head.weight"}
    state |= {"transformer.h.0.attn.bias": torch.ones(1, 1, 4, 4)} | changes
    names = sorted(state)
    for number, part in enumerate((names[:9], names[9:])):
        save_file({n: state[n] for n in part}, folder / f"model-{number}.safetensors")


def test_it_computes_what_the_tensors_say(folder, model, local_context):
    write(folder, model)
    lm = load(SPEC, local_context)
    assert lm.config == CONFIG
    tokens = torch.randint(300, (2, 9))
    torch.testing.assert_close(lm.model()(tokens), model(tokens), rtol=0, atol=0)
    read = lm.model()
    assert read.lm_head.weight is read.transformer.wte.weight
    assert lm.is_paper_data
    half = load(CodeLMSpec(SPEC.name, "float16"), local_context)
    assert half.model().lm_head.weight.dtype == torch.float16
    assert half.content_sha256 == lm.content_sha256
    assert available(SPEC, local_context) is None


def test_a_corpus_has_its_tokens(folder, model, local_context, monkeypatch):
    write(folder, model)
    monkeypatch.setattr(CorpusSpec, "validate", lambda self: None)  # its 49,152 tokens
    spec = CorpusSpec(python="", tokens="starcoder", vocabulary=300, files=20)
    corpus = load(spec, local_context)
    assert corpus.tokenizer == load(SPEC, local_context).tokenizer


def test_what_is_missing_is_named(local_context):
    with pytest.raises(MissingDataError, match=r"huggingface\.co/bigcode/starcoderbase-1b"):
        load(SPEC, local_context)
    assert "Accept its licence" in available(SPEC, local_context)
    spec = CorpusSpec(python="", tokens="starcoder", vocabulary=49_152, files=3)
    assert "StarCoder's tokenizer is missing" in available(spec, local_context)
    with pytest.raises(MissingDataError, match="tokenizer"):
        load(spec, local_context)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "llama"}, "wanted is 'gpt_bigcode'"),
        ({"n_inner": 8}, "wanted is 4 n_embd"),
        ({"n_layer": 3}, "are not those of its config.json"),
    ],
)
def test_another_model_is_refused(folder, model, local_context, changes, message):
    write(folder, model)
    (folder / "config.json").write_text(json.dumps(JSON | changes))
    with pytest.raises(CorruptDataError, match=message):
        load(SPEC, local_context)


def test_a_truncated_file_is_told(folder, model, local_context):
    write(folder, model)
    path = folder / "model-1.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CorruptDataError, match="cannot be read"):
        load(SPEC, local_context)
