"""The trained language model: made once, judged against n-grams, extended by a longer training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from common.data import corpora, reference_lm
from common.data.catalogue import available, load
from common.data.context import DataContext
from common.data.naming import key_of
from common.data.ngrams import NGrams
from common.data.specs import ReferenceLMSpec
from common.trainers.perplexity import perplexity

pytest.importorskip("tokenizers")
TINY = ReferenceLMSpec(
    layers=1,
    width=16,
    heads=2,
    context=16,
    steps=10,
    batch_size=4,
    warmup=2,
    vocabulary=300,
    python="",
    library_files=60,
    judged_tokens=160,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    context = DataContext(tmp_path_factory.mktemp("data"), download=False, progress=False)
    return load(TINY, context), context


def test_the_facts_are_of_this_model(made):
    lm, context = made
    corpus = corpora.load(reference_lm.corpus_spec(TINY), context)
    model = lm.model()
    assert lm.facts["perplexity"] == perplexity(model, corpus.val, 16, tokens=160)
    tokens, judged = (x.numpy().astype(np.int64) for x in (corpus.train, corpus.val[:161]))
    assert lm.facts["five_gram"] == NGrams(tokens, 5, 300).perplexity(judged)
    assert lm.facts["bigram"] == NGrams(tokens, 2, 300).perplexity(judged)
    assert not lm.facts["beats_five_gram"]  # ten steps teach nothing
    assert lm.facts["perplexity"] < 300
    assert lm.facts["tokens_seen"] == 640
    assert lm.facts["corpus"] == corpus.content_sha256


def test_it_is_read_the_second_time(made, monkeypatch):
    lm, context = made
    monkeypatch.setattr(reference_lm, "_build", None)
    again = load(TINY, context)
    assert again.content_sha256 == lm.content_sha256
    assert all(torch.equal(lm.state[name], tensor) for name, tensor in again.state.items())
    assert again.model().lm_head.weight is not None
    assert available(TINY, context) is None
    assert key_of(TINY) == lm.key


def test_a_longer_training_ends_as_if_it_had_been_so_long_from_the_start(made, tmp_path):
    _, context = made
    longer = replace(TINY, steps=14)
    extended = load(longer, context)
    whole = load(longer, DataContext(tmp_path / "data", download=False, progress=False))
    assert extended.content_sha256 == whole.content_sha256


def test_a_long_training_is_announced(context):
    message = available(replace(TINY, steps=5000), context)
    assert message == "would be trained here, 5,000 steps: python -m common.data prepare does it"
    assert available(TINY, context) is None


@pytest.mark.data
@pytest.mark.slow
def test_the_reference_beats_a_five_gram():
    """As it lies in the checkout's data folder: training it takes hours."""
    from tests.running import ROOT

    context = DataContext(ROOT / "data", download=False, progress=False)
    if not (context.root / f"{key_of(ReferenceLMSpec())}.npz").exists():
        pytest.skip("the reference language model has not been trained here")
    lm = load(ReferenceLMSpec(), context)
    corpus = corpora.load(reference_lm.corpus_spec(ReferenceLMSpec()), context)
    found = perplexity(lm.model(), corpus.val, 256, tokens=25_600)
    assert found == pytest.approx(lm.facts["perplexity"], rel=1e-4)
    assert found < lm.facts["five_gram"] < lm.facts["bigram"]
