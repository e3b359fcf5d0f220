"""Heads of an encoder: their queries and keys give its scores; adapters of a given size."""

from __future__ import annotations

import pytest
import torch

from common.nn.bert import BertConfig, BertEncoder
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.real_heads import heads
from papers.lora_limits.tasks.real_heads import needed, summary


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(0)
    config = BertConfig(vocabulary=50, positions=16, layers=2, heads=2, width=8, mlp_width=16)
    model = BertEncoder(config).eval().requires_grad_(False)
    windows = torch.randint(50, (3, 10))
    return model, windows, list(heads(model, windows))


def test_every_head_on_every_window(found):
    _, _, every = found
    assert len(every) == 2 * 2 * 3
    assert {(one.layer, one.head) for one in every} == {(i, j) for i in (0, 1) for j in (0, 1)}


def test_they_are_the_heads_of_the_model(found, monkeypatch):
    """Against what the model gives to its attention."""
    model, windows, every = found
    seen = []
    fused = torch.nn.functional.scaled_dot_product_attention

    def listening(q, k, v, mask):
        seen.append(q @ k.mT / q.shape[-1] ** 0.5)
        return fused(q, k, v, mask)

    monkeypatch.setattr("common.nn.bert.F.scaled_dot_product_attention", listening)
    model.double()(windows)
    scores = torch.stack(seen).transpose(1, 2).transpose(1, 2)
    wanted = iter(scores.flatten(0, 2))
    for one in every:
        torch.testing.assert_close(one.queries @ one.keys.mT, next(wanted))


def test_centring_leaves_the_weights(found):
    one = found[2][0]
    torch.testing.assert_close(
        torch.softmax(one.queries @ one.centred_keys.mT, -1),
        torch.softmax(one.queries @ one.keys.mT, -1),
    )


def test_an_adapter_of_a_given_size(found):
    one = found[2][0]

    def part(growth):
        generator = torch.Generator().manual_seed(0)
        return (one.adapted(2, growth, generator) - one.queries).abs().max()

    frozen = one.beta * (one.tokens @ one.query).abs().max()
    torch.testing.assert_close(part(2.0), 2 * frozen)
    assert float(part(0.0)) == 0


def test_needed_and_summary(found):
    radii = [score_radius(one.queries, one.keys) for one in found[2]]
    degree, logarithm = needed(1.0, 1e-4, 4)
    assert (degree, round(10**logarithm)) == (7, 330)
    names = ("radius", "largest_score", "centred_radius")
    figures = dict.fromkeys(names, radii)
    figures |= {f"log10_features_for_{name}": [1.0] * 6 + [9.0] * 6 for name in names}
    metrics = summary(figures, 20_000)
    assert metrics["share_within_radius"] == 50
    assert metrics["radius_max"] == max(radii)
