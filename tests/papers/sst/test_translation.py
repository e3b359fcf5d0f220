"""The generated languages, BLEU, and the networks that translate."""

from __future__ import annotations

import pytest
import torch

from common.errors import InvalidInputError
from papers.sst.bleu import corpus_bleu
from papers.sst.grammar import END, PAD, START, Grammar, encoded, vocabulary
from papers.sst.hyperbolic.adam import RiemannianAdam
from papers.sst.hyperbolic.layers import manifold_parameters
from papers.sst.hyperbolic.transformer import LorentzTransformer
from papers.sst.tasks.translation import cross_entropy, words
from papers.sst.transformer import Transformer, greedy


def test_a_sentence_by_hand():
    """Order, endings and agreement of one sentence of each kind."""
    for source, target in Grammar(seed=1).pairs(300, 0):
        place = next((i for i, w in enumerate(source) if w in ("in", "near", "behind", "under")), 0)
        assert target[-1].startswith("V")
        verb = next(w for w in source if w[0] == "v")
        assert target[-1][1:].startswith("".join(c for c in verb if c.isdigit()))
        plural = source[0] in ("two", "many")
        assert target[-1].endswith("n") == plural
        assert target[-1][len(verb.rstrip("eds")) :][:2] == (
            "go" if "will" in source else "ta" if verb.endswith("ed") else "ra"
        )
        nouns = [w for w in source if w[0] == "n" and w[1:].isdigit()]
        endings = ["ne", "ko", "me"][: len(nouns)]
        if place and len(nouns) == 2:
            endings = ["ne", "me"]
        found = [w for w in target if w[0] == "N"]
        ordered = nouns[-1:] + nouns[:-1] if place else nouns
        kinds = endings[-1:] + endings[:-1] if place else endings
        assert [w[1:].rstrip("nekomlu") for w in found] == [n[1:] for n in ordered]
        assert [w[-2:] for w in found] == kinds


def test_sentences_are_different_and_repeatable():
    splits = Grammar(10, 5, 5, seed=3).splits(50, 10, 20)
    assert {name: len(pairs) for name, pairs in splits.items()} == {
        "train": 50, "val": 10, "test": 20,
    }  # fmt: skip
    every = [tuple(s) for pairs in splits.values() for s, _ in pairs]
    assert len(set(every)) == 80
    assert splits == Grammar(10, 5, 5, seed=3).splits(50, 10, 20)
    assert splits != Grammar(10, 5, 5, seed=4).splits(50, 10, 20)


def test_encoding():
    tokens = vocabulary([["b", "a"], ["a"]])
    assert tokens == {"<pad>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4}
    rows = encoded([["b", "a"], ["a"]], tokens, ends=True)
    assert rows.tolist() == [[START, 4, 3, END], [START, 3, END, PAD]]
    assert words([4, 3, END, 9]) == [4, 3]
    assert words([4, PAD]) == [4]


def test_bleu_by_hand():
    reference = list("abcdefgh")
    assert corpus_bleu([reference], [reference]) == pytest.approx(100)
    assert corpus_bleu([list("xyz")], [reference]) == 0
    # Matches 6, 4, 3, 2 of 7, 6, 5, 4; one token short.
    found = corpus_bleu([list("abcdeXg")], [reference])
    logs = (6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** 0.25
    assert found == pytest.approx(100 * logs * 2.718281828459045 ** (1 - 8 / 7))


def test_bleu_against_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu")
    generator = torch.Generator().manual_seed(0)
    lines = [
        [f"w{i}" for i in torch.randint(4, (6 + k % 5,), generator=generator).tolist()]
        for k in range(40)
    ]
    found, wanted = lines[:20], lines[20:]
    theirs = sacrebleu.corpus_bleu(
        [" ".join(x) for x in found], [[" ".join(x) for x in wanted]], tokenize="none"
    )
    assert corpus_bleu(found, wanted) == pytest.approx(theirs.score)


def test_bleu_refusals():
    for pair in (([], []), ([["a"]], [])):
        with pytest.raises(InvalidInputError, match="as many are needed"):
            corpus_bleu(*pair)


@pytest.mark.parametrize("kind", [Transformer, LorentzTransformer])
def test_a_target_does_not_see_what_follows_nor_the_padding(kind):
    torch.manual_seed(0)
    model = kind(9, 9, width=8, heads=2, layers=2, positions=12, dropout=0.0).eval()
    source = torch.tensor([[3, 4, 5, END]])
    target = torch.tensor([[START, 3, 4, 5, 6]])
    out = model(source, target)
    changed = target.clone()
    changed[0, 4] = 8
    torch.testing.assert_close(model(source, changed)[:, :4], out[:, :4])
    longer = torch.cat([source, torch.full((1, 3), PAD)], 1)
    torch.testing.assert_close(model(longer, target), out)
    assert not torch.equal(model(source, changed)[:, 4], out[:, 4])


@pytest.mark.parametrize("kind", [Transformer, LorentzTransformer])
def test_it_learns_to_copy(kind):
    """A net whose stream is lost in its layers does not."""
    torch.manual_seed(0)
    model = kind(9, 9, width=16, heads=2, layers=2, positions=8, dropout=0.0)
    points = manifold_parameters(model)
    others = [p for p in model.parameters() if not any(p is point for point in points)]
    optimisers = [torch.optim.Adam(others, 5e-3)]
    if points:
        optimisers.append(RiemannianAdam(points, 0.02))
    losses = []
    for _ in range(150):
        words = torch.randint(3, 9, (32, 4))
        ends = torch.full((32, 1), END)
        target = torch.cat([torch.full((32, 1), START), words, ends], 1)
        loss = cross_entropy(model, torch.cat([words, ends], 1), target, 0.0)
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0], losses[::30]


def test_greedy_stops_at_the_end():
    class Fixed(torch.nn.Module):
        def encode(self, source):
            return source

        def decode(self, tokens, memory, source):
            following = torch.tensor([4, 5, END, 6])[tokens.shape[1] - 1]
            return torch.nn.functional.one_hot(following.expand(tokens.shape), 9).float()

    found = greedy(Fixed(), torch.zeros(2, 3, dtype=torch.long), 8, START, END)
    assert found.tolist() == [[4, 5, END]] * 2
