"""Encoding, frozen part, probe and training, on a small encoder of random weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from common.errors import Diverged, InvalidInputError
from common.fine_tuning import probe
from common.fine_tuning.classifier import Classifier, pooled
from common.fine_tuning.encoding import Encoded, encode
from common.fine_tuning.memory import step_bytes
from common.fine_tuning.prefix import Suffix, hidden
from common.fine_tuning.training import Recipe, mean_loss, order, predict, train
from common.nn.bert import BertConfig, BertEncoder

CONFIG = BertConfig(vocabulary=40, positions=16, layers=3, heads=2, width=8, mlp_width=12)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return BertEncoder(CONFIG).eval()


@pytest.fixture
def data():
    torch.manual_seed(1)
    lengths = torch.tensor([5, 2, 9, 3, 7, 4, 9, 2])
    mask = torch.arange(9) < lengths[:, None]
    tokens = torch.randint(1, 40, (8, 9)) * mask
    return Encoded(tokens, mask, torch.zeros_like(tokens), torch.arange(8) % 2)


def test_the_frozen_part_and_the_blocks_are_the_encoder(encoder, data):
    kept = hidden(encoder, data, below=1, batch_size=3)
    assert len(kept.values) == int(data.mask.sum())
    rows = torch.tensor([2, 0, 5])
    values, mask, labels = kept.batch(rows)
    assert torch.equal(mask, data.take(rows).mask)
    assert torch.equal(labels, data.labels[rows])
    found = Suffix(encoder, 2)(values, mask)
    part = data.take(rows)
    expected = encoder(part.tokens, part.mask, part.types)
    torch.testing.assert_close(found[mask], expected[mask], rtol=1e-5, atol=1e-5)


def test_blocks_keep_their_names(encoder):
    names = [name for name, _ in Suffix(encoder, 1).named_modules()]
    assert "encoder.layer.2.attention.self.query" in names
    with pytest.raises(InvalidInputError, match="blocks=4 of an encoder of 3; allowed: 1 to 3"):
        Suffix(encoder, 4)


def test_pooling_leaves_padding_out():
    outputs = torch.randn(2, 3, 4)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    expected = torch.stack([outputs[0, :2].mean(0), outputs[1].mean(0)])
    torch.testing.assert_close(pooled(outputs, mask), expected)


def test_a_probe_is_the_logistic_regression():
    sklearn = pytest.importorskip("sklearn.linear_model")
    torch.manual_seed(0)
    features = torch.randn(60, 5).double() * torch.tensor([1.0, 2.0, 0.5, 1.0, 0.0])
    for classes in (2, 3):
        labels = torch.arange(60) % classes
        found = probe.fit(features, labels, classes, strength=0.1)
        spread = features.std(0, unbiased=False).clamp(min=probe.FLOOR)
        scaled = ((features - features.mean(0)) / spread).numpy()
        model = sklearn.LogisticRegression(C=0.1, max_iter=2000).fit(scaled, labels.numpy())
        chances = found.logits(features).softmax(1).numpy()
        np.testing.assert_allclose(chances, model.predict_proba(scaled), rtol=1e-8)
        assert found.weight[:, 4].abs().max() < 1e-8


def test_a_class_without_rows_is_never_chosen():
    torch.manual_seed(0)
    features, labels = torch.randn(40, 3), torch.tensor([0, 2]).repeat(20)
    found = probe.fit(features, labels, 4)
    assert found.weight.shape == (4, 3)
    assert set(found.logits(features).argmax(1).tolist()) <= {0, 2}
    two = probe.fit(features, labels // 2, 2)
    torch.testing.assert_close(found.weight[[0, 2]], two.weight)


def test_what_a_probe_refuses():
    with pytest.raises(InvalidInputError, match="All 4 labels are 1"):
        probe.fit(torch.randn(4, 2), torch.ones(4, dtype=torch.int64), 2)
    with pytest.raises(InvalidInputError, match="hold NaN"):
        probe.fit(torch.full((4, 2), torch.nan), torch.arange(4) % 2, 2)


def test_rates_and_order():
    recipe = Recipe(steps=20, batch_size=3, lr=1.0, warmup=4)
    rates = [recipe.part_of_rate(step) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[19] == 1 / 16
    steps = order(8, recipe)
    assert [len(rows) for rows in steps] == [3] * 20
    assert sorted(torch.cat(steps)[:8].tolist()) == list(range(8))
    assert sorted(torch.cat(steps)[8:16].tolist()) == list(range(8))
    assert torch.equal(torch.cat(order(8, recipe)), torch.cat(steps))


def classifier(encoder) -> Classifier:
    torch.manual_seed(2)
    return Classifier(copy.deepcopy(Suffix(encoder, 2)), 8, 2)


def test_training_learns_and_repeats_itself(encoder, data):
    kept = hidden(encoder, data, below=1)
    recipe = Recipe(steps=60, batch_size=4, lr=1e-2)
    runs = []
    for _ in range(2):
        model = classifier(encoder)
        runs.append(train(model, model.head, kept, recipe))
    assert runs[0] == runs[1]
    assert mean_loss(runs[0], 50, 60) < 0.5 * mean_loss(runs[0], 0, 10)
    assert torch.equal(predict(model, kept, 3).argmax(1), data.labels)


def test_predictions_stand_in_the_order_of_the_rows(encoder, data):
    kept = hidden(encoder, data, below=1)
    model = classifier(encoder)
    one_by_one = torch.cat([model(*kept.batch(row[None])[:2]) for row in torch.arange(8)])
    torch.testing.assert_close(predict(model, kept, 3), one_by_one, rtol=1e-5, atol=1e-5)


def test_the_head_has_a_rate_of_its_own(encoder, data):
    kept = hidden(encoder, data, below=1)
    model = classifier(encoder)
    before = copy.deepcopy(model.state_dict())
    train(model, model.head, kept, Recipe(steps=2, batch_size=4, lr=0.0, head_lr=0.1))
    after = model.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"head.weight", "head.bias"}


def test_a_loss_that_is_not_finite_ends_the_training(encoder, data):
    kept = hidden(encoder, data, below=1)
    model = classifier(encoder)
    nn.init.constant_(model.head.bias, torch.nan)
    with pytest.raises(Diverged, match="step 0"):
        train(model, model.head, kept, Recipe(steps=2, batch_size=4, lr=0.1))


def test_bytes_of_a_step(encoder, data):
    kept = hidden(encoder, data, below=1)
    model = classifier(encoder).requires_grad_(False)
    model.head.requires_grad_(True)
    found = step_bytes(model, kept, torch.arange(4))
    assert found["state_bytes"] == 3 * 4 * (8 * 2 + 2)
    everything = step_bytes(model.requires_grad_(True), kept, torch.arange(4))
    assert everything["activation_bytes"] > 3 * found["activation_bytes"]
    assert everything["step_bytes"] == everything["activation_bytes"] + everything["state_bytes"]


def test_pairs_are_one_input():
    pytest.importorskip("tokenizers")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    words = {w: i for i, w in enumerate(["[PAD]", "[CLS]", "[SEP]", "a", "b", "c", "[UNK]"])}
    tokenizer = Tokenizer(WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    serialised = tokenizer.to_str()
    found = encode(serialised, ["a b", "c"], ["c", "a"], [0, 1], 16)
    assert found.tokens.tolist() == [[1, 3, 4, 2, 5, 2], [1, 5, 2, 3, 2, 0]]
    assert found.types.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]]
    assert found.mask.sum(1).tolist() == [6, 5]
    single = encode(serialised, ["a b c a b c"], [], [1], 5)
    assert single.tokens.tolist() == [[1, 3, 4, 5, 2]]
