"""Generate a large set block by block: in parallel, resumable, the same bytes whatever the number
of workers.

Block b is a pure function of the spec and b (its random stream is seeded with both), so who makes
it, when, and in which order does not matter.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from common.data.context import DataContext
from common.data.prepared import Arrays, read_npz, write_npz
from common.errors import CorruptDataError


def block_rng(seed: int, block: int) -> np.random.Generator:
    """The random stream of one block (or sample): PCG64 seeded with (seed, block)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, block])))


def uniform_integers(rng: np.random.Generator, low: int, high: int, size: int) -> np.ndarray:
    """Integers uniform on low..high inclusive, int64.

    Made from doubles: the stream of `Generator.random` is the plainest one numpy has, whereas the
    rejection rule behind `Generator.integers` has changed between releases.
    """
    return low + (rng.random(size) * (high - low + 1)).astype(np.int64)


def generate_blocks(
    make_block: Callable[[int], Arrays],
    n_blocks: int,
    context: DataContext,
    *,
    label: str,
    scratch: Path | None = None,
) -> list[Arrays]:
    """`[make_block(0), ..., make_block(n_blocks - 1)]`.

    Args:
        make_block: picklable if `context.workers > 1`.
        n_blocks: number of blocks.
        context: workers, and whether a progress bar is shown.
        label: what the bar says.
        scratch: folder where finished blocks are kept, so that an interrupted call goes on where
            it stopped; None keeps them in memory only.
    """
    blocks: dict[int, Arrays] = {}
    if scratch is not None:
        for index in range(n_blocks):
            kept = _kept_block(scratch, index)
            if kept is not None:
                blocks[index] = kept
    missing = [index for index in range(n_blocks) if index not in blocks]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), disable=not context.progress) as progress:
        bar = progress.add_task(label, total=n_blocks, completed=len(blocks))
        for index, block in _run(make_block, missing, context.workers):
            blocks[index] = block
            if scratch is not None:
                write_npz(_block_path(scratch, index), block, {})
            progress.advance(bar)
    return [blocks[index] for index in range(n_blocks)]


def _run(
    make_block: Callable[[int], Arrays], indices: Iterable[int], workers: int
) -> Iterator[tuple[int, Arrays]]:
    indices = list(indices)
    if workers == 1 or len(indices) < 2:
        for index in indices:
            yield index, make_block(index)
        return
    # spawn, since a fork of a process with running OpenMP threads may deadlock
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(indices)), mp_context=spawn) as pool:
        futures = {pool.submit(make_block, index): index for index in indices}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()


def _block_path(scratch: Path, index: int) -> Path:
    return scratch / f"{index:06d}.npz"


def _kept_block(scratch: Path, index: int) -> Arrays | None:
    path = _block_path(scratch, index)
    if not path.exists():
        return None
    try:
        return read_npz(path).arrays
    except CorruptDataError:
        return None
