"""The frozen random bases: drawn once at the largest shape, cut to size for every layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError

LAWS = ("uniform", "normal", "binary", "ternary")


@dataclass(frozen=True)
class Law:
    """How an entry of a basis is drawn (Section 4.3, Table 3).

    Attributes:
        name: "uniform", "normal", "binary" or "ternary"; all B_j together, and A, are divided by
            their empirical standard deviation, so that only the shape of the law matters.
        sparsity: s of ternary entries, which are -1, 0, 1 with probabilities 1/s, 1 - 2/s, 1/s.
    """

    name: str = "uniform"
    sparsity: float = 6.0

    def validate(self) -> None:
        """Raise InvalidInputError for an unknown law or a sparsity that is no probability."""
        if self.name not in LAWS:
            raise InvalidInputError(f"basis={self.name!r}; allowed: {', '.join(LAWS)}.")
        if not 2 <= self.sparsity < math.inf:
            raise InvalidInputError(
                f"sparsity={self.sparsity}; allowed: 2 (no zeros) or more; 6 leaves a third."
            )

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, "..."]:
        """Entries of unit empirical standard deviation, float32, on the CPU."""
        if self.name == "normal":
            entries = torch.randn(shape, generator=generator)
        else:
            entries = torch.rand(shape, generator=generator)
            if self.name == "uniform":
                entries = 2 * entries - 1
            else:
                edge = 1 / (2.0 if self.name == "binary" else self.sparsity)
                entries = (entries > 1 - edge).float() - (entries < edge).float()
        if entries.numel() == 1:
            return entries  # has no deviation
        spread = entries.std()
        if not spread > 0:
            raise InvalidInputError(
                f"A basis of shape {shape} has no entry other than 0; lower its "
                f"sparsity={self.sparsity}."
            )
        return entries / spread


class Bases(nn.Module):
    """B_1 .. B_n side by side and A, shared by all layers of a model (Section 4.2).

    Args:
        rows: D, the largest long side of a layer.
        columns: d, the largest short side.
        rank: r, of one basis.
        number: n, of bases.
        law: of the entries.
        seed: of the draw, which is the same on every device.
        separate: draw an A for every basis too, where the paper shares one.
        save: keep them in the state dict, once; otherwise the seed makes them anew.
        compact: hold them as int8, a quarter of the bytes; binary and ternary bases only.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        rank: int,
        number: int,
        law: Law,
        seed: int,
        *,
        separate: bool = False,
        save: bool = False,
        compact: bool = False,
    ):
        super().__init__()
        if compact and law.name not in ("binary", "ternary"):
            raise InvalidInputError(f"compact bases are binary or ternary, not {law.name}.")
        generator = torch.Generator().manual_seed(seed)
        long = law.draw((rows, number, rank), generator)
        short = law.draw((number if separate else 1, rank, columns), generator)
        self.save = save
        self.sizes = (1.0, 1.0)
        if compact:
            self.sizes = (float(long.abs().max()), float(short.abs().max()))
            long, short = long.sign().to(torch.int8), short.sign().to(torch.int8)
        self.register_buffer("long", long, persistent=False)
        self.register_buffer("short", short, persistent=False)

    def left(
        self, rows: int, number: int, like: Tensor | torch.dtype
    ) -> Float[Tensor, "rows n_rank"]:
        """Bf = [B_1 .. B_n] of a layer, of the dtype and on the device of ``like``: a view where
        the bases are held so."""
        return self._as(self.long[:rows, :number].flatten(1), self.sizes[0], like)

    def right(
        self, columns: int, number: int, like: Tensor | torch.dtype
    ) -> Float[Tensor, "n r columns"]:
        """A of a layer; its first mode has size 1 where all bases share it."""
        return self._as(self.short[:number, :, :columns], self.sizes[1], like)

    def _as(self, entries: Tensor, size: float, like: Tensor | torch.dtype) -> Tensor:
        cast = entries.to(like)
        return cast if size == 1.0 else cast * size

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        """Once a model: the other layers' entries would be the same numbers again."""
        held = {value.data_ptr() for value in destination.values()}
        if self.save and self.long.data_ptr() not in held:
            destination[prefix + "long"] = self.long
            destination[prefix + "short"] = self.short

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ) -> None:
        for name in ("long", "short"):
            saved = state_dict.get(prefix + name)
            held = getattr(self, name)
            if saved is None:
                continue
            if saved.shape != held.shape:
                error_msgs.append(
                    f"size mismatch for {prefix}{name}: {tuple(saved.shape)} was saved, this "
                    f"model's bases are {tuple(held.shape)}."
                )
                continue
            held.copy_(saved)


def number_of_bases(short_side: int, rank: int) -> int:
    """n = ceil(d / r), with which the update has full rank (Section 4.1)."""
    return math.ceil(short_side / rank)
