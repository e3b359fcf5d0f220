"""The language model that methods are compared on, its training and its judgement."""

from __future__ import annotations

import math
import statistics
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.blocks import block_rng
from common.data.catalogue import load
from common.data.draws import uniform_integers
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.nn.gpt import GPT, GPTConfig
from common.trainers.perplexity import perplexity
from papers.sst.methods import Method, apply
from papers.sst.presets import method_of
from papers.sst.training import Log, Recipe, train

HEAD = "lm_head"  # tied to the embedding, which is not replaced


class LanguageTask:
    """Tokens and sizes of a task, and what is done with them.

    Args:
        context: of the run; its task is a ``schema.LanguageModelTask``.
    """

    def __init__(self, context: RunContext):
        self.context, self.task = context, context.config.task
        self.seed = context.config.seed
        self.corpus = load(OmegaConf.to_object(self.task.dataset), context.data)
        self.device = device(context.config.trainer)
        self.stream = self.corpus.train.to(self.device)
        if len(self.stream) <= self.task.context + 1:
            raise InvalidInputError(
                f"task.context={self.task.context}; the training stream has {len(self.stream)} "
                "tokens. Take more files or a smaller context."
            )

    def model(self) -> GPT:
        """The same start for every method, by the run's seed."""
        task = self.task
        torch.manual_seed(self.seed)
        config = GPTConfig(
            vocabulary=task.dataset.vocabulary,
            context=task.context,
            layers=task.layers,
            heads=task.heads,
            width=task.width,
        )
        return GPT(config).to(self.device)

    def method(self, name: str) -> Method:
        """Of ``presets.PRESETS``, with the task's rank and lengths."""
        task = self.task
        base = Method(
            rank=task.rank,
            iteration_steps=task.iteration_steps,
            restart_warmup=task.restart_warmup,
            round_iterations=task.round_iterations,
        )
        return method_of(name, base)

    def recipe(self, lr: float) -> Recipe:
        """Of every training; only the rate differs."""
        task = self.task
        return Recipe(
            task.steps,
            lr,
            warmup=task.warmup,
            weight_decay=task.weight_decay,
            clip=task.clip,
        )

    def loss(self, model: nn.Module):
        """Of a step: windows drawn by the seed and the step, the same for every method."""
        task = self.task
        last = len(self.stream) - task.context - 1
        offsets = torch.arange(task.context + 1, device=self.device)

        def of(step: int) -> Tensor:
            starts = uniform_integers(block_rng(self.seed, step), 0, last, task.batch_size)
            rows = torch.from_numpy(starts).to(self.device)[:, None] + offsets
            drawn = self.stream[rows].long()
            return F.cross_entropy(model(drawn[:, :-1]).flatten(0, 1), drawn[:, 1:].flatten())

        return of

    def fit(self, name: str, lr: float, folder: str | None = None, **more: Any):
        """A new model, trained by the method of this name; returns it and the log."""
        trained = apply(self.model(), self.method(name), seed=self.seed, skip=[HEAD])
        log = train(
            trained,
            self.loss(trained.model),
            self.recipe(lr),
            folder=None if folder is None else self.context.folder / folder,
            between=self.context.stop.raise_if_set,
            **more,
        )
        return trained, log

    def log_perplexity(self, model: nn.Module, split: str, tokens: int) -> float:
        """Mean cross-entropy in nats on the first tokens of a split; 0 tokens takes all."""
        stream = getattr(self.corpus, split)
        most = (len(stream) - 1) // self.task.context * self.task.context
        taken = min(tokens, most) if tokens else 0
        return math.log(perplexity(model, stream, self.task.context, tokens=taken, batch_size=32))

    def data(self) -> list[dict[str, Any]]:
        """For the record."""
        return [data_entry(self.corpus)]

    def notes(self) -> list[str]:
        """For the reader of the table."""
        if self.corpus.is_paper_data:
            return []
        return [f"{self.corpus.source}, byte by byte: a stand-in for OpenWebText and C4."]


def spikes(losses: list[float], before: int = 20, factor: float = 1.25) -> int:
    """Steps whose loss is more than ``factor`` times the median of the ``before`` steps before."""
    return sum(
        losses[i] > factor * statistics.median(losses[i - before : i])
        for i in range(before, len(losses))
    )


def final_loss(log: Log, steps: int = 50) -> float:
    """Mean training loss of the last steps."""
    tail = log.losses[-steps:]
    return sum(tail) / len(tail)


def share_of_time(log: Log) -> float:
    """Per cent of a training that went into decompositions."""
    return 100 * log.svd_seconds / log.seconds if log.seconds else 0.0
