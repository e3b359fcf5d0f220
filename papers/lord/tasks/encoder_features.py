"""L1 and L2 on a transformer that others trained: MiniLM, a sentence encoder, reading Python."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf
from torch import Tensor

from common.compression.capture import output_moments
from common.data.byte_pairs import BytePairs
from common.data.catalogue import load
from common.data.minilm import MiniLM
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult, data_entry
from common.experiment.machine import device
from papers.lord.comparison import compared
from papers.lord.exactness import tail_identity
from papers.lord.models import linear_layers
from papers.lord.tasks.output_error import pca_distance

OPENING, CLOSING = 101, 102  # [CLS], [SEP]
_BATCH = 16


def run(context: RunContext) -> TaskResult:
    """Errors of all 36 layers on validation files; the identity of L1 on training files."""
    task = context.config.task
    corpus = load(OmegaConf.to_object(task.dataset), context.data)
    encoder: MiniLM = load(OmegaConf.to_object(task.weights), context.data)
    on = device(context.config.trainer)
    pairs = BytePairs(corpus.tokenizer)
    train, val = (
        encoder_windows(encoder, pairs, stream, count, task.length, on)
        for stream, count in (
            (corpus.train, max(task.calibration_windows, task.exact_windows)),
            (corpus.val, task.judged_windows),
        )
    )
    model = encoder.model(on)
    targets = linear_layers(model)
    found = output_moments(
        model, targets, train[: task.calibration_windows].split(_BATCH), keep=no_special_tokens
    )
    metrics, ratios = compared(
        model, targets, found, val.split(_BATCH), task.fractions, keep=no_special_tokens
    )
    context.stop.raise_if_set()
    model = model.double()
    exact = tail_identity(
        model,
        linear_layers(model),
        train[: task.exact_windows].split(_BATCH),
        task.fractions,
        task.competitors,
        keep=no_special_tokens,
    )
    exact["pca_error"] = pca_distance(
        model,
        linear_layers(model),
        train[: task.exact_windows],
        task.fractions,
        keep=no_special_tokens,
    )
    return TaskResult(
        metrics | exact,
        [data_entry(corpus), data_entry(encoder)],
        facts={"ratios": ratios},
    )


def no_special_tokens(tokens: Tensor) -> Tensor:
    """Which positions count: not those of the opening and closing tokens."""
    return (tokens != OPENING) & (tokens != CLOSING)


def encoder_windows(
    encoder: MiniLM,
    pairs: BytePairs,
    stream: Tensor,
    count: int,
    length: int,
    on: torch.device,
) -> Tensor:
    """The first windows of a stream in the encoder's own tokens, each opened and closed.

    Raises:
        InvalidInputError: the stream is too short.
    """
    inside = length - 2
    # A token of the encoder is at most ten of the stream's on average; more text is read if not.
    taken = 0
    pieces = torch.empty(0, dtype=torch.int64)
    while len(pieces) < count * inside and taken < len(stream):
        taken = min(len(stream), max(2 * taken, 4 * count * inside))
        pieces = encoder.word_pieces(pairs.decode(stream[:taken]))
    if len(pieces) < count * inside:
        raise InvalidInputError(
            f"The files make {len(pieces)} tokens of the encoder; {count} windows of {length} take "
            f"{count * inside}. Take fewer windows or more files."
        )
    rows = pieces[: count * inside].reshape(count, inside)
    ends = [torch.full((count, 1), token) for token in (OPENING, CLOSING)]
    return torch.cat([ends[0], rows, ends[1]], 1).to(on)
