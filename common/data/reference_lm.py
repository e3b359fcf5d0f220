"""A small GPT trained on Python's standard library: the language model that papers compress.

Preparing it trains it. A perplexity that falls or rises by a per cent says something only of a
model that has learnt more than counts of neighbours: beside its own perplexity stand those of an
interpolated 5-gram and a bigram, of the same tokens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.data import corpora
from common.data.context import DataContext
from common.data.prepared import Arrays, key, prepare, prepared_path, spec_hash
from common.data.specs.corpus import CorpusSpec
from common.data.specs.reference_lm import ReferenceLMSpec
from common.nn.gpt import GPT, GPTConfig

_VERSION = 1  # of the bytes: raise it when the training changes
_FOLDER = "reference_lm"
_EVERY = 100  # steps between two checkpoints


@dataclass(frozen=True)
class ReferenceLM:
    """A trained language model and what it is worth.

    Attributes:
        state: for ``GPT(config)``.
        config: its shape.
        facts: ``perplexity``, ``five_gram``, ``bigram`` (of the first judged validation tokens),
            ``beats_five_gram``, ``tokens_seen``, ``steps``, and ``corpus``, the hash of its data.
        name: of the model.
        source: what it is, in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether a paper uses it.
    """

    state: dict[str, Tensor]
    config: GPTConfig
    facts: dict[str, Any]
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False

    def model(self, device: torch.device | str = "cpu") -> GPT:
        """A model of its own with these weights, in evaluation mode."""
        model = GPT(self.config)
        model.load_state_dict(self.state)
        return model.to(device).eval()


def load(spec: ReferenceLMSpec, context: DataContext) -> ReferenceLM:
    """Read the weights, or train them.

    Raises:
        MissingDataError: the corpus is neither at hand nor to be had.
        UserError: the extra `lm` is not installed.
    """
    prepared = prepare(context, _FOLDER, _name(spec), lambda: _build(spec, context))
    state = {name: torch.from_numpy(array) for name, array in prepared.arrays.items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    return ReferenceLM(
        state=state,
        config=_config(spec),
        facts=prepared.facts,
        name=f"GPT {spec.layers} x {spec.width}",
        source=(
            f"GPT of {spec.layers} layers, width {spec.width}, trained here on "
            f"{prepared.facts['tokens_seen']:,} tokens of Python's standard library"
        ),
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
    )


def available(spec: ReferenceLMSpec, context: DataContext) -> str | None:
    """None, or what would be fetched or how long it would be trained."""
    if prepared_path(context, _FOLDER, _name(spec)).exists():
        return None
    return corpora.available(corpus_spec(spec), context) or (
        f"would be trained here, {spec.steps:,} steps: python -m common.data prepare does it"
        if spec.steps >= _EVERY
        else None
    )


def prepared_key(spec: ReferenceLMSpec) -> str:
    """Names the release of Python where the specification leaves it to the interpreter."""
    return key(_FOLDER, _name(spec))


def corpus_spec(spec: ReferenceLMSpec) -> CorpusSpec:
    """What it is trained on."""
    return CorpusSpec(python=spec.python, vocabulary=spec.vocabulary, files=spec.library_files)


def _name(spec: ReferenceLMSpec) -> str:
    release = corpora.release_that_runs(corpus_spec(spec))
    return f"{spec.layers}x{spec.width}-{spec_hash(spec, _VERSION)}{release}"


def _config(spec: ReferenceLMSpec) -> GPTConfig:
    return GPTConfig(
        vocabulary=spec.vocabulary,
        context=spec.context,
        layers=spec.layers,
        heads=spec.heads,
        width=spec.width,
        fused_qkv=spec.fused_qkv,
    )


def _build(spec: ReferenceLMSpec, context: DataContext) -> tuple[Arrays, dict[str, Any]]:
    # Runs that only read the weights do not depend on how they were trained.
    from common.data.ngrams import NGrams
    from common.trainers.language_model import Recipe, train
    from common.trainers.perplexity import perplexity

    corpus = corpora.load(corpus_spec(spec), context)
    judged = min(spec.judged_tokens, len(corpus.val) - 1) // spec.context * spec.context
    recipe = Recipe(
        steps=spec.steps,
        batch_size=spec.batch_size,
        context=spec.context,
        lr=spec.lr,
        warmup=spec.warmup,
        seed=spec.seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        model = GPT(_config(spec))

    def report(step: int, loss: float) -> None:
        if step % (10 * _EVERY) == 0:
            found = perplexity(model, corpus.val, spec.context, tokens=judged)
            model.train()
            context.announce(f"step {step} of {spec.steps}: validation perplexity {found:.2f}")

    # Trainings that differ in length alone share their checkpoints.
    shared = spec_hash(replace(spec, steps=0), _VERSION)
    train(
        model,
        corpus.train,
        recipe,
        folder=context.root / _FOLDER / f"{shared}.training",
        every=_EVERY,
        report=report,
    )
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    del state["lm_head.weight"]  # tied
    tokens = corpus.train.numpy().astype(np.int64)
    seen = corpus.val[: judged + 1].numpy().astype(np.int64)
    found = perplexity(model, corpus.val, spec.context, tokens=judged)
    grams = {n: NGrams(tokens, n, spec.vocabulary).perplexity(seen) for n in (2, 5)}
    return state, {
        "settings": asdict(spec),
        "steps": spec.steps,
        "tokens_seen": spec.steps * spec.batch_size * spec.context,
        "judged_tokens": judged,
        "perplexity": found,
        "five_gram": grams[5],
        "bigram": grams[2],
        "beats_five_gram": found < grams[5],
        "corpus": corpus.content_sha256,
    }
