"""Blocks and classifiers: order of operations, masks, pooling."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.nn.block import GatedActivation, SequenceBlock, TimeSharedDropout
from common.nn.classifier import (
    OneHotEncoder,
    PairClassifier,
    SequenceClassifier,
    SequenceModel,
    encoder,
    pool,
)
from common.nn.norm import SequenceBatchNorm, sequence_norm


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_dropout_shares_its_mask_along_time():
    x = torch.ones(64, 10, 32)
    dropped = TimeSharedDropout(0.25)(x)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    module = TimeSharedDropout(0.25).eval()
    assert module(x) is x


@pytest.mark.parametrize("kind", ["half_glu1", "half_glu2", "glu", "linear"])
def test_gated_activations_follow_their_formula(kind):
    act, x = GatedActivation(kind, 4, 0.0), torch.randn(2, 5, 4)
    W, b = act.gate.weight, act.gate.bias
    g = F.gelu(x, approximate="none" if kind in ("glu", "linear") else "tanh")
    linear = g @ W.T + b
    wanted = {
        "half_glu1": lambda: g * torch.sigmoid(linear),
        "half_glu2": lambda: x * torch.sigmoid(linear),
        "linear": lambda: linear,
        "glu": lambda: linear[..., :4] * torch.sigmoid(linear[..., 4:]),
    }[kind]()
    torch.testing.assert_close(act(x), wanted)


class Causal(nn.Module):
    """The simplest causal layer with the interface of a state space."""

    def forward(self, x, lengths=None, state=None, *, rate=1.0, padding="right"):
        return x.cumsum(1), None


@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize("residual", [True, False])
def test_block_order(prenorm, residual):
    block = SequenceBlock(
        Causal(), 4, activation="half_glu1", norm="layer", prenorm=prenorm, residual=residual
    )
    x = torch.randn(2, 5, 4)
    z = block.activation(block.layer(block.norm(x) if prenorm else x)[0])
    z = x + z if residual else z
    torch.testing.assert_close(block(x)[0], z if prenorm else block.norm(z))


def test_batch_norm_keeps_the_stated_fraction():
    norm, x = SequenceBatchNorm(3, decay=0.95), torch.randn(8, 10, 3) + 2
    norm(x)
    torch.testing.assert_close(norm.norm.running_mean, 0.05 * x.mean((0, 1)))


def test_one_hot_encoder_is_the_matrix_product():
    encode, tokens = OneHotEncoder(5, 3, input_width=7), torch.randint(0, 5, (2, 9))
    wanted = F.one_hot(tokens, 7).float() @ encode.linear.weight.T + encode.linear.bias
    torch.testing.assert_close(encode(tokens), wanted)


def test_pooling_sees_the_true_length_only():
    x, lengths = torch.randn(2, 6, 3), torch.tensor([4, 6])
    torch.testing.assert_close(pool(x, lengths, "mean")[0], x[0, :4].mean(0))
    torch.testing.assert_close(pool(x, lengths, "last")[0], x[0, 3])
    torch.testing.assert_close(pool(x, None, "mean"), x.mean(1))
    changed = x.clone()
    changed[0, 4:] = 99
    torch.testing.assert_close(pool(changed, lengths, "mean"), pool(x, lengths, "mean"))


def test_right_padding_changes_nothing_for_a_causal_model():
    block = SequenceBlock(Causal(), 4, activation="half_glu1", norm="layer")
    model = SequenceClassifier(SequenceModel(nn.Embedding(5, 4), [block]), 4, 3).eval()
    tokens, lengths = torch.randint(1, 5, (2, 6)), torch.tensor([6, 6])
    padded = F.pad(tokens, (0, 5))
    torch.testing.assert_close(model(padded, lengths), model(tokens, lengths))


def test_right_padding_reaches_a_bidirectional_model():
    """As in S5, whose reverse scan reads the padding: documented, not wished away."""
    from common.nn.s5 import S5
    from papers.s5_ptd.models import normal_basis

    block = SequenceBlock(
        S5(normal_basis(4), 4, bidirectional=True), 4, activation="half_glu1", norm="layer"
    )
    model = SequenceClassifier(SequenceModel(nn.Embedding(5, 4), [block]), 4, 3).eval()
    tokens, lengths = torch.randint(1, 5, (2, 6)), torch.tensor([6, 6])
    padded = F.pad(tokens, (0, 5))
    assert not torch.allclose(model(padded, lengths), model(tokens, lengths), atol=1e-6)


def test_pairs_are_compared_by_four_features():
    model = SequenceModel(nn.Embedding(5, 4), [])
    head = PairClassifier(model, 4, 2)
    pairs, lengths = torch.randint(0, 5, (3, 2, 6)), torch.full((3, 2), 6)
    a, b = (model(pairs[:, i], lengths[:, i]) for i in (0, 1))
    wanted = head.decoder(torch.cat([a, b, a - b, a * b], -1))
    torch.testing.assert_close(head(pairs, lengths), wanted)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoder("linear", 4, vocabulary=5),
        lambda: encoder("onehot", 4, channels=1),
        lambda: encoder("sinusoid", 4, channels=1),
        lambda: OneHotEncoder(5, 3, input_width=4),
        lambda: sequence_norm("group", 4, 0.9),
        lambda: GatedActivation("relu", 4, 0.0),
        lambda: TimeSharedDropout(1.0),
        lambda: SequenceModel(nn.Embedding(5, 4), [], pooling="max"),
    ],
)
def test_bad_options(make):
    with pytest.raises(ValueError, match=r"allowed|below"):
        make()
