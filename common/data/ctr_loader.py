"""Batches of click data, in the orders of `common.data.loader`."""

from __future__ import annotations

import torch
from torch import Tensor

from common.data.ctr_split import CtrSplit
from common.data.loader import Batch, SequenceLoader


class CtrLoader(SequenceLoader):
    """Iterates over (ids, dense, targets): int64 (B, F), float32 (B, Fd), float32 (B,).

    Args and orders as :class:`SequenceLoader`.
    """

    def __init__(self, split: CtrSplit, batch_size: int, **options) -> None:
        super().__init__(split, batch_size, **options)
        self._dense = split.dense.to(options.get("device"))

    def _batch(self, global_rows: Tensor) -> Batch:
        rows = global_rows[self.rank :: self.world_size]
        if len(rows) == 0:
            rows = global_rows[[self.rank % len(global_rows)]]
        rows = rows.to(self._inputs.device)
        ids = self._inputs[rows].to(torch.int64)
        return ids, self._dense[rows], self._targets[rows]
