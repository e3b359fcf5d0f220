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
    """The random stream of one block (or sample): PCG64 seeded with (seed, block); for what is
    drawn from it see `common.data.draws`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, block])))


def generate_blocks(
    make_block: Callable[[int], Arrays],
    n_blocks: int,
    context: DataContext,
    *,
    label: str,
    scratch: Path | None = None,
) -> Iterator[Arrays]:
    """`make_block(0), ..., make_block(n_blocks - 1)`, in this order once all are made.

    Args:
        make_block: picklable if `context.workers > 1`.
        n_blocks: number of blocks.
        context: workers, and whether a progress bar is shown.
        label: what the bar says.
        scratch: folder where finished blocks are kept, so that an interrupted call goes on where
            it stopped, and memory holds one block at a time; None keeps all in memory.
    """
    held: dict[int, Arrays] = {}
    missing = [index for index in range(n_blocks) if not _is_kept(scratch, index)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), disable=not context.progress) as progress:
        bar = progress.add_task(label, total=n_blocks, completed=n_blocks - len(missing))
        for index, block in _run(make_block, missing, context.workers):
            if scratch is None:
                held[index] = block
            else:
                write_npz(_block_path(scratch, index), block, {})
            progress.advance(bar)
    for index in range(n_blocks):
        yield held.pop(index) if scratch is None else read_npz(_block_path(scratch, index)).arrays


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


def _is_kept(scratch: Path | None, index: int) -> bool:
    if scratch is None or not _block_path(scratch, index).exists():
        return False
    try:
        read_npz(_block_path(scratch, index))
    except CorruptDataError:
        return False
    return True
