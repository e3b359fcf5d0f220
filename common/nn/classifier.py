"""Sequence classifiers: encoder, blocks, pooling over the true length, decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError

POOLINGS = ("mean", "last")


class OneHotEncoder(nn.Module):
    """``W onehot(token) + b`` by a look-up; padding (token 0) is a token like any other, as in S5.

    Args:
        vocabulary: number of tokens, at most ``input_width``.
        width: number of features.
        input_width: length of the one-hot code where it exceeds the vocabulary.
    """

    def __init__(self, vocabulary: int, width: int, input_width: int | None = None):
        super().__init__()
        columns = vocabulary if input_width is None else input_width
        if columns < vocabulary:
            raise InvalidInputError(
                f"input_width={columns} is below the vocabulary's {vocabulary} tokens."
            )
        self.linear = nn.Linear(columns, width)

    def forward(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        return F.embedding(tokens, self.linear.weight.t()) + self.linear.bias


def encoder(
    kind: str,
    width: int,
    *,
    vocabulary: int | None = None,
    channels: int | None = None,
    input_width: int | None = None,
) -> nn.Module:
    """An encoder by name: ``onehot`` and ``embedding`` for tokens, ``linear`` for real channels.

    Raises:
        InvalidInputError: the name is unknown or does not fit the data.
    """
    if kind == "linear" and channels is not None:
        return nn.Linear(channels, width)
    if kind == "onehot" and vocabulary is not None:
        return OneHotEncoder(vocabulary, width, input_width)
    if kind == "embedding" and vocabulary is not None:
        return nn.Embedding(vocabulary, width)
    data = f"{vocabulary} tokens" if channels is None else f"{channels} real channels"
    raise InvalidInputError(
        f"encoder={kind!r} does not fit data of {data}; allowed: onehot or embedding for tokens, "
        "linear for real channels."
    )


def pool(
    x: Float[Tensor, "batch length width"],
    lengths: Int[Tensor, " batch"] | None,
    how: str,
) -> Float[Tensor, "batch width"]:
    """Mean over, or last of, the first ``lengths`` steps of each sequence; summed in float32 at
    least, for a long sum overflows half precision."""
    if how == "last":
        if lengths is None:
            return x[:, -1]
        return x[torch.arange(len(x), device=x.device), lengths - 1]
    if lengths is None:
        return x.mean(1)
    steps = torch.arange(x.shape[1], device=x.device)
    working = torch.promote_types(x.dtype, torch.float32)
    mask = (steps < lengths[:, None]).to(working)
    with torch.autocast(x.device.type, enabled=False):
        total = torch.einsum("blh,bl->bh", x.to(working), mask)
    return (total / lengths[:, None]).to(x.dtype)


class SequenceModel(nn.Module):
    """Encoder, blocks, pooling: one vector a sequence.

    Args:
        encoder: tokens (batch, length) or channels (batch, length, c) to (batch, length, width).
        blocks: one after the other.
        pooling: ``mean`` or ``last``.
        final_norm: applied before pooling (for pre-norm stacks of the S4 family).
        mask_padding: keep padding out of layers and norms; else only pooling leaves it out, as in
            the published S4 and S5 models.
    """

    def __init__(
        self,
        encoder: nn.Module,
        blocks: Sequence[nn.Module],
        pooling: str = "mean",
        final_norm: nn.Module | None = None,
        mask_padding: bool = False,
    ):
        super().__init__()
        if pooling not in POOLINGS:
            raise InvalidInputError(f"pooling={pooling!r}; allowed: {', '.join(POOLINGS)}.")
        self.encoder = encoder
        self.blocks = nn.ModuleList(blocks)
        self.pooling = pooling
        self.final_norm = final_norm
        self.mask_padding = mask_padding

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, rate: float = 1.0
    ) -> Float[Tensor, "batch width"]:
        """``rate`` 2 reads inputs sampled half as often as those trained on."""
        x = self.encoder(inputs)
        seen = lengths if self.mask_padding else None
        for block in self.blocks:
            x, _ = block(x, seen, rate=rate)
        if self.final_norm is not None:
            x = self.final_norm(x, seen)
        return pool(x, lengths, self.pooling)


class SequenceClassifier(nn.Module):
    """A linear decoder on top of a :class:`SequenceModel`; returns logits."""

    def __init__(self, model: SequenceModel, width: int, n_classes: int):
        super().__init__()
        self.model = model
        self.decoder = nn.Linear(width, n_classes)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, rate: float = 1.0
    ) -> Float[Tensor, "batch classes"]:
        return self.decoder(self.model(inputs, lengths, rate))


class PairClassifier(nn.Module):
    """Two documents through one model; ``[a, b, a - b, a * b]`` -> Linear -> GELU -> Linear.

    Inputs are ``(batch, 2, length)`` with lengths ``(batch, 2)``; the documents are stacked on the
    batch axis so that BatchNorm sees both (LRA Retrieval in the state-space encoding).
    """

    def __init__(self, model: SequenceModel, width: int, n_classes: int):
        super().__init__()
        self.model = model
        self.decoder = nn.Sequential(
            nn.Linear(4 * width, width), nn.GELU(), nn.Linear(width, n_classes)
        )

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None
    ) -> Float[Tensor, "batch classes"]:
        stacked = rearrange(inputs, "batch pair length -> (batch pair) length")
        flat = None if lengths is None else rearrange(lengths, "batch pair -> (batch pair)")
        pooled = self.model(stacked, flat)
        a, b = rearrange(pooled, "(batch pair) width -> pair batch width", pair=2)
        return self.decoder(torch.cat([a, b, a - b, a * b], dim=-1))
