"""Encoders that one brings: against transformers' own, on small random ones."""

from __future__ import annotations

import json

import pytest
import torch

from common.data import encoder_folder
from common.data.context import DataContext
from common.data.specs import EncoderSpec
from common.errors import CorruptDataError, MissingDataError, UserError

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "encoders"
    folder.mkdir()
    return folder


@pytest.fixture
def context(tmp_path, place):
    return DataContext(tmp_path / "data", local_source=tmp_path)


def tokenizer(types: int, words: int = 3) -> str:
    """Of so many words; the second sentence of a pair is of the last type."""
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.WordLevel({str(i): i for i in range(words)}, "0"))
    made.post_processor = library.processors.TemplateProcessing(
        single="$A", pair=f"$A $B:{types - 1}", special_tokens=[]
    )
    return made.to_str()


def put(folder, config, model):
    folder.mkdir()
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer(model.config.type_vocab_size))


def roberta(place, **more):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.RobertaConfig(**SIZES, type_vocab_size=1, layer_norm_eps=1e-5, **more)
    model = transformers.RobertaForMaskedLM(config).eval()
    put(place / "roberta-base", config, model)
    return model.roberta


def test_a_roberta_is_that_of_transformers(place, context):
    model = roberta(place)
    found = encoder_folder.load(EncoderSpec("roberta-base"), context)
    assert found.config.positions == 18
    encoder = found.model()
    tokens = torch.randint(2, 50, (3, 7))
    lengths = torch.tensor([7, 4, 2])
    mask = torch.arange(7) < lengths[:, None]
    tokens = tokens.masked_fill(~mask, 1)
    with torch.no_grad():
        expected = model(tokens, mask.long()).last_hidden_state
        torch.testing.assert_close(encoder(tokens, mask)[mask], expected[mask])


def test_a_bert_is_that_of_transformers(place, context):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**SIZES)).eval()
    put(place / "bert-base-uncased", None, model)
    encoder = encoder_folder.load(EncoderSpec("bert-base-uncased"), context).model()
    tokens, types = torch.randint(0, 50, (3, 7)), torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 3)
    with torch.no_grad():
        expected = model(tokens, token_type_ids=types).last_hidden_state
        torch.testing.assert_close(encoder(tokens, None, types), expected)


def test_what_is_missing_is_told(place, context):
    spec = EncoderSpec("roberta-large")
    with pytest.raises(MissingDataError, match=r"put them in .*/encoders/roberta-large/"):
        encoder_folder.load(spec, context)
    assert "model.safetensors" in encoder_folder.available(spec, context)
    with pytest.raises(UserError, match="name is 'gpt2'"):
        EncoderSpec("gpt2").validate()


def test_files_of_something_else_are_refused(place, context):
    roberta(place)
    folder, spec = place / "roberta-base", EncoderSpec("roberta-base")
    assert encoder_folder.available(spec, context) is None
    path = folder / "config.json"
    whole = json.loads(path.read_text())
    for change, message in (
        ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"intermediate_size": 25}, "differ in name or shape"),
    ):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(CorruptDataError, match=message):
            encoder_folder.load(spec, context)
    path.write_text(json.dumps(whole))
    good = (folder / "tokenizer.json").read_text()
    for text, message in (
        (tokenizer(2), "3 tokens of 2 types, where the embeddings have 50 of 1"),
        (tokenizer(1, words=51), "51 tokens"),
        ("{}", "tokenizer.json cannot be read"),
    ):
        (folder / "tokenizer.json").write_text(text)
        with pytest.raises(CorruptDataError, match=message):
            encoder_folder.load(spec, context)
    (folder / "tokenizer.json").write_text(good)
    path.write_text("[")
    with pytest.raises(CorruptDataError, match="does not describe a BERT"):
        encoder_folder.load(spec, context)
    path.write_text(json.dumps(whole))
    (folder / "model.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(CorruptDataError, match="cannot be read"):
        encoder_folder.load(spec, context)
