"""Where every paper that compresses a language model starts from: the same weights and tokens."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from omegaconf import OmegaConf
from torch import Tensor

from common.data.blocks import block_rng
from common.data.byte_pairs import END
from common.data.catalogue import load
from common.data.corpora import Corpus
from common.data.draws import uniform_integers
from common.data.reference_lm import ReferenceLM
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.nn.gpt import GPT


@dataclass(frozen=True)
class LanguageStart:
    """A trained language model and the tokens it is calibrated and judged on.

    Attributes:
        model: in evaluation mode, on the run's device; :meth:`copy` before changing it.
        corpus: what it was trained on.
        lm: the weights, and what the model is worth.
        entries: of the record, one a set.
        notes: what a reader of the figures has to know.
    """

    model: GPT
    corpus: Corpus
    lm: ReferenceLM
    entries: list[dict[str, Any]]
    notes: list[str]

    @property
    def context(self) -> int:
        """Positions of the model."""
        return self.model.config.context

    @property
    def gate(self) -> dict[str, float]:
        """Metrics: validation perplexity of the model and of n-gram models, on the same tokens."""
        return {
            "perplexity": self.lm.facts["perplexity"],
            "five_gram_perplexity": self.lm.facts["five_gram"],
            "bigram_perplexity": self.lm.facts["bigram"],
        }

    def copy(self) -> GPT:
        """The same weights, to be changed."""
        return copy.deepcopy(self.model)


def trained_lm(context: RunContext) -> LanguageStart:
    """The model of ``task.weights`` and the tokens of ``task.dataset``.

    Raises:
        InvalidInputError: the tokens are not those that the model was trained on: its training
            files could be among those that it is judged on.
    """
    task = context.config.task
    corpus = load(OmegaConf.to_object(task.dataset), context.data)
    lm = load(OmegaConf.to_object(task.weights), context.data)
    if lm.facts["corpus"] != corpus.content_sha256:
        raise InvalidInputError(
            "task.dataset is not what the model of task.weights was trained on. Give both the same "
            "python, vocabulary and number of files."
        )
    notes = []
    if not lm.facts["beats_five_gram"]:
        notes.append(
            f"The model's perplexity {lm.facts['perplexity']:.2f} is not below a 5-gram's "
            f"{lm.facts['five_gram']:.2f}: changes of its perplexity say nothing."
        )
    model = lm.model(device(context.config.trainer))
    return LanguageStart(model, corpus, lm, [data_entry(corpus), data_entry(lm)], notes)


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
