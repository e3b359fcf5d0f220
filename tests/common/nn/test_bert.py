"""The encoder: names and sizes of published weights, padding, types, and known answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from common.compression.costs import parameters
from common.errors import InvalidInputError
from common.nn.bert import BertConfig, BertEncoder, mean_pooled

SMALL = BertConfig(vocabulary=31, positions=8, layers=2, heads=2, width=8, mlp_width=16)


def test_sizes_and_names_are_those_of_minilm():
    with torch.device("meta"):
        model = BertEncoder(BertConfig())
    assert parameters(model) + 384 * 385 == 22_713_216  # the pooler is left out
    assert parameters(model.encoder) == 10_646_784
    names = set(model.state_dict())
    assert "encoder.layer.5.attention.self.query.weight" in names
    assert "encoder.layer.0.attention.output.LayerNorm.bias" in names
    assert len(names) == 101


def test_padding_changes_nothing():
    model = BertEncoder(SMALL).double().eval()
    tokens = torch.randint(31, (3, 5))
    mask = torch.ones(3, 5).bool()
    padded = torch.cat([tokens, torch.full((3, 2), 9)], 1)
    wide = torch.cat([mask, torch.zeros(3, 2).bool()], 1)
    alone = model(tokens)
    torch.testing.assert_close(model(padded, wide)[:, :5], alone, rtol=0, atol=1e-12)
    assert (model(padded)[:, :5] - alone).abs().max() > 1e-3
    pooled = mean_pooled(model(padded, wide), wide)
    torch.testing.assert_close(pooled, mean_pooled(alone, mask), rtol=0, atol=1e-12)
    torch.testing.assert_close(pooled.norm(dim=1), torch.ones(3).double())


def test_types_and_positions_count():
    model = BertEncoder(SMALL).eval()
    tokens = torch.full((1, 4), 3)
    assert (model(tokens)[:, 0] - model(tokens)[:, 1]).abs().max() > 1e-3
    second = model(tokens, types=torch.ones_like(tokens))
    assert (model(tokens) - second).abs().max() > 1e-3


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match="9 tokens; this encoder has 8 positions"):
        BertEncoder(SMALL)(torch.zeros(1, 9, dtype=torch.long))
    with pytest.raises(InvalidInputError, match="heads=3 does not divide width=8"):
        BertConfig(heads=3, width=8)


@pytest.mark.data
def test_known_answers_of_minilm(tmp_path):
    from common.data.catalogue import load
    from common.data.context import DataContext
    from common.data.specs import MiniLMSpec
    from tests.running import ROOT

    root = ROOT / "data" if (ROOT / "data" / "minilm").exists() else tmp_path
    source = os.environ.get("STRUCTLAB_DATA")
    lm = load(MiniLMSpec(), DataContext(root, Path(source) if source else None, progress=False))
    sentences = [
        "A man is eating food.",
        "A man is eating a piece of bread.",
        "The girl is carrying a baby.",
        "A monkey is playing drums.",
    ]
    tokens, mask = lm.tokenize(sentences)
    with torch.no_grad():
        vectors = mean_pooled(lm.model()(tokens, mask), mask)
    cosines = (vectors @ vectors.mT)[torch.triu(torch.ones(4, 4), 1).bool()]
    wanted = torch.tensor([0.7553, -0.1050, 0.0476, -0.0610, 0.0362, 0.0231])
    torch.testing.assert_close(cosines, wanted, rtol=0, atol=1e-3)
    first = torch.tensor([0.0332, 0.0044, -0.0063, 0.0484, -0.1387])
    torch.testing.assert_close(vectors[0, :5], first, rtol=0, atol=1e-3)
    assert lm.word_pieces("def f(x): return x").tolist()[0] == 13366
