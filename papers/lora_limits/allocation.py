"""Every tensor that is allocated while some code runs, as torch dispatches it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Allocations(TorchDispatchMode):
    """A context in which storages are counted from their first appearance to their release.

    What existed before is not counted; what a library needs inside one operation is not seen.

    Attributes:
        peak_bytes: of all counted storages that were alive at once.
        largest: bytes of the largest one.
    """

    def __init__(self):
        super().__init__()
        self.peak_bytes = self.largest = self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self._see(tree_leaves((args, kwargs or {})), counted=False)
        result = function(*args, **(kwargs or {}))
        self._see(tree_leaves(result), counted=True)
        return result

    def _see(self, leaves: Iterable[Any], counted: bool) -> None:
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                continue
            storage = leaf.untyped_storage()
            key = storage._cdata
            if key in self._known:
                continue
            size = storage.nbytes() if counted else 0
            self._known.add(key)
            weakref.finalize(storage, self._release, key, size).atexit = False
            self._alive += size
            self.peak_bytes = max(self.peak_bytes, self._alive)
            self.largest = max(self.largest, size)

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._alive -= size


def counted(call) -> Allocations:
    """What ``call()`` allocates."""
    with torch.no_grad(), Allocations() as seen:
        call()
    return seen
