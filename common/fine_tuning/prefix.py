"""The lower part of an encoder, frozen: its outputs are taken once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.fine_tuning.encoding import Encoded
from common.nn.bert import BertEncoder


@dataclass(frozen=True)
class Hidden:
    """What the frozen part gives for each row, without padding.

    Attributes:
        values: outputs of all rows, one after the other.
        starts: of each row, and the end of the last.
        labels: classes.
    """

    values: Float[Tensor, "tokens d"]
    starts: Int64[Tensor, " n1"]
    labels: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(
        self, rows: Int64[Tensor, " b"]
    ) -> tuple[Float[Tensor, "b t d"], Bool[Tensor, "b t"], Int64[Tensor, " b"]]:
        """Some rows, padded with zeros, where they are no padding, and their classes."""
        parts = [self.values[self.starts[row] : self.starts[row + 1]] for row in rows.tolist()]
        padded = nn.utils.rnn.pad_sequence(parts, batch_first=True)
        lengths = torch.tensor([len(part) for part in parts], device=padded.device)
        mask = torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]
        return padded, mask, self.labels[rows.to(self.labels.device)]


class Suffix(nn.Module):
    """The upper blocks of an encoder, under the names that they have in it.

    ``encoder.layer.4.attention.self.query`` stays that, so that patterns fit both.
    """

    def __init__(self, encoder: BertEncoder, blocks: int):
        super().__init__()
        layers = encoder.encoder["layer"]
        if not 1 <= blocks <= len(layers):
            raise InvalidInputError(
                f"blocks={blocks} of an encoder of {len(layers)}; allowed: 1 to {len(layers)}."
            )
        first = len(layers) - blocks
        kept = nn.ModuleDict({str(i): layers[i] for i in range(first, len(layers))})
        self.encoder = nn.ModuleDict({"layer": kept})

    def forward(
        self, hidden: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]
    ) -> Float[Tensor, "b t d"]:
        """The last block's output."""
        for block in self.encoder["layer"].values():
            hidden = block(hidden, mask[:, None, None, :])
        return hidden


@torch.no_grad()
def hidden(
    encoder: BertEncoder,
    data: Encoded,
    below: int,
    *,
    batch_size: int = 64,
    track: Callable[[Iterable, str], Iterable] = lambda items, _: items,
) -> Hidden:
    """Outputs of the embeddings and the first ``below`` blocks; rows of like length together."""
    device = next(encoder.parameters()).device
    lengths = data.mask.sum(1)
    order = torch.argsort(lengths, stable=True)
    starts = torch.zeros(len(data) + 1, dtype=torch.int64)
    starts[1:] = lengths.cumsum(0)
    values = torch.empty(int(starts[-1]), encoder.config.width, device=device)
    for rows in track(order.split(batch_size), "frozen part"):
        part = data.take(rows)
        x = encoder.embeddings(part.tokens.to(device), part.types.to(device))
        mask = part.mask.to(device)
        for block in encoder.encoder["layer"][:below]:
            x = block(x, mask[:, None, None, :])
        for row, output, length in zip(rows.tolist(), x, lengths[rows].tolist(), strict=True):
            values[starts[row] : starts[row] + length] = output[:length]
    return Hidden(values, starts, data.labels.to(device))
