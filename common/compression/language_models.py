"""Where every paper that compresses a language model starts from: the same weights and tokens."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from omegaconf import OmegaConf
from torch import Tensor, nn

from common.data.blocks import block_rng
from common.data.byte_pairs import END
from common.data.catalogue import load
from common.data.code_lm import CodeLM
from common.data.corpora import Corpus
from common.data.draws import uniform_integers
from common.data.reference_lm import ReferenceLM
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.nn.gpt import GPT
from common.trainers.perplexity import perplexity


@dataclass(frozen=True)
class LanguageStart:
    """A trained language model and the tokens it is calibrated and judged on.

    Attributes:
        model: in evaluation mode, on the run's device; :meth:`copy` before changing it.
        corpus: what it was trained on.
        lm: the weights, and what the model is worth.
        context: tokens of a window, at most the model's positions.
        entries: of the record, one a set.
        notes: what a reader of the figures has to know.
    """

    model: GPT
    corpus: Corpus
    lm: ReferenceLM | CodeLM
    context: int
    entries: list[dict[str, Any]]
    notes: list[str]

    @property
    def gate(self) -> dict[str, float]:
        """Metrics: validation perplexity of a model trained here and of n-gram models, on the same
        tokens."""
        facts = self.lm.facts
        names = {"perplexity": "perplexity", "five_gram": "five_gram_perplexity"}
        names["bigram"] = "bigram_perplexity"
        return {metric: facts[fact] for fact, metric in names.items() if fact in facts}

    @property
    def device(self) -> torch.device:
        """The model's."""
        return next(self.model.parameters()).device

    def copy(self) -> GPT:
        """The same weights, to be changed."""
        return copy.deepcopy(self.model)

    def calibration(
        self, tokens: int, seed: int, *, batch_size: int = 8
    ) -> list[Int[Tensor, "b t"]]:
        """Packed windows of training files, on the model's device; see :func:`packed`."""
        return packed(
            self.corpus.train,
            self.context,
            tokens,
            seed=seed,
            batch_size=batch_size,
            device=self.device,
        )

    def perplexity(
        self, model: nn.Module, tokens: int, stream: Int[Tensor, " n"] | None = None
    ) -> float:
        """Of a model on the first tokens of the validation files, or of another stream."""
        judged = self.corpus.val if stream is None else stream
        return perplexity(model, judged, self.context, tokens=tokens)


def trained_lm(context: RunContext) -> LanguageStart:
    """The model of ``task.weights``, the tokens of ``task.dataset``, windows of ``task.context``
    (0 takes the model's positions).

    Raises:
        InvalidInputError: the tokens are not those that the model was trained on (its training
            files could be among those that it is judged on), or a window is too long.
    """
    task = context.config.task
    corpus = load(OmegaConf.to_object(task.dataset), context.data)
    lm = load(OmegaConf.to_object(task.weights), context.data)
    if isinstance(lm, CodeLM):
        same = lm.tokenizer == corpus.tokenizer
    else:
        same = lm.facts["corpus"] == corpus.content_sha256
    if not same:
        raise InvalidInputError(
            "task.dataset is not what the model of task.weights was trained on. Give both the same "
            "python, tokens, vocabulary and number of files."
        )
    if not 0 <= task.context <= lm.config.context:
        raise InvalidInputError(
            f"task.context={task.context}; allowed: 0 to the model's {lm.config.context} positions."
        )
    return LanguageStart(
        model=lm.model(device(context.config.trainer)),
        corpus=corpus,
        lm=lm,
        context=task.context or lm.config.context,
        entries=[data_entry(corpus), data_entry(lm)],
        notes=[_worth(lm)],
    )


def _worth(lm: ReferenceLM | CodeLM) -> str:
    if isinstance(lm, CodeLM):
        return "Its training data may hold the very files that it is judged on."
    own, five = lm.facts["perplexity"], lm.facts["five_gram"]
    if lm.facts["beats_five_gram"]:
        return f"Perplexity of the intact model {own:.2f}, of a 5-gram {five:.2f}."
    return (
        f"The model's perplexity {own:.2f} is not below a 5-gram's {five:.2f}: changes of its "
        "perplexity say nothing."
    )


def packed(
    stream: Int[Tensor, " n"],
    context: int,
    tokens: int,
    *,
    seed: int = 0,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
) -> list[Int[Tensor, "b t"]]:
    """Calibration batches: windows drawn at random from a stream, without ends of texts.

    Args:
        stream: tokens, of files that nothing is judged on.
        context: t, of a window.
        tokens: in all windows together.
        seed: decides where windows start.
        batch_size: windows of a batch.
        device: of the result.

    Raises:
        InvalidInputError: less than a window is asked for, or there.
    """
    plain = stream[stream != END].long()
    count = tokens // context
    if count < 1 or len(plain) < context:
        raise InvalidInputError(
            f"{tokens} calibration tokens of {len(plain)}; needed is at least one window of "
            f"{context}."
        )
    starts = uniform_integers(block_rng(seed, 0), 0, len(plain) - context, count)
    rows = torch.from_numpy(starts)[:, None] + torch.arange(context)
    return list(plain[rows].to(device).split(batch_size))
