"""Perplexity of a language model on a stream of tokens."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError

Windows = tuple[Int[Tensor, "w t"], Int[Tensor, "w t"]]


def windows(stream: Int[Tensor, " n"], context: int, tokens: int = 0) -> Windows:
    """Inputs and targets: consecutive windows, without overlap, each starting with no past.

    Args:
        stream: tokens.
        context: t, inputs of a window.
        tokens: how many are predicted, cut to whole windows; 0 takes the stream.

    Raises:
        InvalidInputError: the stream is too short.
    """
    most = (len(stream) - 1) // context
    count = tokens // context if tokens else most
    if not 1 <= count <= most:
        raise InvalidInputError(
            f"{tokens or len(stream)} tokens make {count} windows of {context}; this stream allows "
            f"1 to {most}."
        )
    inputs = stream[: count * context].reshape(count, context)
    return inputs.long(), stream[1 : count * context + 1].reshape(count, context).long()


@torch.no_grad()
def perplexity(
    model: nn.Module,
    stream: Int[Tensor, " n"],
    context: int,
    *,
    tokens: int = 0,
    batch_size: int = 8,
) -> float:
    """exp of the mean cross-entropy in nats over ``windows(stream, context, tokens)``.

    Sums are in float64, on the model's device, in evaluation mode.
    """
    inputs, targets = windows(stream, context, tokens)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    total = 0.0
    for part, wanted in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        logits = model(part.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten().to(device))
        total += float(loss.double()) * wanted.numel()
    model.train(training)
    return math.exp(total / targets.numel())
