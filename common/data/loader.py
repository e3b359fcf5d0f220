"""Batches of a split that lies in memory: exact to resume, the same on any number of devices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from common.data.blocks import block_rng
from common.data.draws import shuffled
from common.data.sequence import SequenceSplit
from common.errors import UserError

Batch = tuple[Tensor, Tensor | None, Tensor]


class SequenceLoader:
    """Iterates over (inputs, lengths, targets).

    `inputs` are token ids (B, L) or (B, 2, L) int64, or values (B, L, C) float32; `lengths` (B,)
    or (B, 2) int64, or None where every sequence is full; `targets` (B,) int64.

    The order of epoch e is a function of (seed, e) alone, so an epoch can be entered in its
    middle: `set_epoch(e); skip(k)`, and the next iteration starts at batch k. With `world_size`
    processes each takes every world_size-th element of the same global batches; all make the same
    number of batches. Where the last batch has fewer elements than there are processes, the
    processes left over repeat one of them.

    Args:
        split: the data.
        batch_size: elements of a global batch, a multiple of `world_size`.
        shuffle: whether the order changes from epoch to epoch.
        seed: decides the orders.
        drop_last: whether a last, smaller batch is left out.
        device: where the batches are; the split is moved there once.
        cut_to_longest: whether tokens are cut to the longest sequence of the GLOBAL batch, so that
            a model that sees padding (a bidirectional SSM) does not see the number of processes.
        rank: index of this process.
        world_size: number of processes.

    Raises:
        UserError: for a batch size that cannot be dealt out, or leaves no batch.
    """

    def __init__(
        self,
        split: SequenceSplit,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int,
        drop_last: bool,
        device: torch.device | str | None = None,
        cut_to_longest: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % world_size:
            raise UserError(
                f"batch_size is {batch_size}; allowed: positive multiples of the number of "
                f"processes, {world_size}."
            )
        if drop_last and batch_size > len(split):
            raise UserError(
                f"batch_size is {batch_size}, but the split has {len(split)} sequences and "
                "incomplete batches are dropped; allowed: the size of the split or less."
            )
        self.split = split
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.cut_to_longest = cut_to_longest
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._first_batch = 0
        self._inputs = split.inputs.to(device)
        self._targets = split.targets.to(device)
        self._device = device

    def __len__(self) -> int:
        """Batches of a whole epoch, whatever was skipped."""
        n = len(self.split)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration."""
        self.epoch = epoch

    def skip(self, batches: int) -> None:
        """Start the next iteration, and only that, at batch `batches`."""
        if not 0 <= batches <= len(self):
            raise UserError(f"Cannot skip {batches} batches; allowed: 0..{len(self)}.")
        self._first_batch = batches

    def __iter__(self) -> Iterator[Batch]:
        order = self._order()
        first, self._first_batch = self._first_batch, 0
        for batch in range(first, len(self)):
            yield self._batch(order[batch * self.batch_size : (batch + 1) * self.batch_size])

    def _order(self) -> Tensor:
        n = len(self.split)
        if not self.shuffle:
            return torch.arange(n)
        return torch.from_numpy(shuffled(block_rng(self.seed, self.epoch), n))

    def _batch(self, global_rows: Tensor) -> Batch:
        rows = global_rows[self.rank :: self.world_size]
        if len(rows) == 0:
            rows = global_rows[[self.rank % len(global_rows)]]
        on_device = rows.to(self._inputs.device)
        inputs, targets = self._inputs[on_device], self._targets[on_device]
        if self.split.pixel_scale is not None:
            inputs = self.split.pixel_scale(inputs)
        elif not inputs.is_floating_point():
            inputs = inputs.long()
        lengths = self.split.lengths
        if lengths is None:
            return inputs, None, targets
        if self.cut_to_longest:
            inputs = inputs[..., : int(lengths[global_rows].max())]
        return inputs, lengths[rows].to(self._device), targets
