"""The life of one run: open its folder, run its task, and record how it ended, whatever happens."""

from __future__ import annotations

import errno
import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from common.errors import CorruptDataError, Diverged, MissingDataError, UserError
from common.experiment import locks, processes, ranges, sources
from common.experiment import record as records
from common.experiment.context import RunContext
from common.experiment.folder import open_run_folder
from common.experiment.identity import config_hash, differences, plain, refuse_other
from common.experiment.interruption import RunInterrupted, StopRequest
from common.experiment.provenance import peak_memory_bytes, provenance
from common.experiment.record import Record

if TYPE_CHECKING:
    from common.data.context import DataContext

CONFIG = "config.json"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass
class Outcome:
    """A run that has ended, and where it is recorded.

    ``mistake`` is set where the run failed by a mistake of the user's, already recorded.
    """

    folder: Path
    record: Record
    mistake: UserError | None = None


def run_one(
    config: DictConfig,
    overrides: list[str],
    console: Console,
    opened: Callable[[Path], None] = lambda folder: None,
) -> Outcome:
    """Run a task that is not composite; ``opened`` hears of the folder before anything can fail.

    How the run ends is recorded, not raised. What goes on to the caller: a user's mistake found
    before the run has a folder, a disk that takes no record, and an interruption, once recorded.
    """
    content = plain(config)
    ranges.check(config.task, "task")
    digest = config_hash(content)
    from common.experiment.machine import prepare

    threads = prepare(config.trainer, config.seed)
    folder, resuming = _folder(config, content, digest)
    run = Record(
        paper=config.paper.id,
        task=config.task.name,
        variant=config.variant,
        scale=config.scale.name,
        seed=config.seed,
        metric=config.task.metric,
        published=config.published,
        chance=config.task.chance,
        config_hash=digest,
        config=content,
        overrides=overrides,
        provenance=provenance(threads),
        code=sources.digests(sources.reached(sources.roots(config))),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if resuming:
        earlier = Record.read(folder)
        run.started, run.wall_seconds = earlier.started, earlier.wall_seconds
        run.code = sources.mixed(earlier.code, run.code)
    mistake = None
    try:
        with alone(folder):
            if processes.is_main():
                processes.share(folder, resuming, Path(config.output_root), digest)
                records.write_json(folder / CONFIG, content)
                run.write(folder)
                opened(folder)
            mistake = _attempt(run, config, folder, resuming, console)
    except OSError as error:
        raise UserError(
            f"Cannot write to {error.filename or folder} ({error.strerror}). Free space, make it "
            "writable, or choose another place with output_root=<folder>; what was recorded so "
            "far is still there."
        ) from error
    return Outcome(folder, run, mistake)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the run's lock: while it is held, its record says ``running`` and means it.

    Raises:
        UserError: another process holds it.
    """
    if not processes.is_main():
        yield
        return
    with locks.holding(folder / locks.NAME) as mine:
        if not mine:
            raise UserError(f"{folder} cannot be resumed: a process is running it right now.")
        yield


def _attempt(
    run: Record, config: DictConfig, folder: Path, resuming: bool, console: Console
) -> UserError | None:
    stop = StopRequest()
    begin, before = time.perf_counter(), run.wall_seconds
    try:
        with stop.listening():
            task = get_method(config.entry)
            context = RunContext(
                config, folder, data_context(config, console), stop, console, resuming
            )
            result = task(context)
            metrics = records.floats(result.metrics)
            curves = {name: [float(y) for y in ys] for name, ys in result.curves.items()}
            records.refuse_not_finite(
                metrics=metrics, curves=curves, facts=result.facts, data=result.data
            )
            run.metrics, run.curves = metrics, curves
            run.data, run.notes, run.facts = result.data, result.notes, result.facts
            run.code = sources.loaded(run.code)
            run.status = records.COMPLETED
    except RunInterrupted as interruption:
        run.status, run.reason = records.INTERRUPTED, str(interruption)
        interruption.folder = folder
        raise
    except Diverged as divergence:
        run.status, run.reason = records.DIVERGED, str(divergence)
        run.facts = {"step": divergence.step, "last_finite_loss": divergence.last_finite}
    except (MissingDataError, CorruptDataError) as missing:
        run.status, run.reason = records.NOT_RUN, str(missing)
    except UserError as mistake:
        run.status, run.reason = records.FAILED, str(mistake)
        run.traceback = traceback.format_exc()
        return mistake
    except Exception as error:
        if _no_room(error, folder):
            run.status, run.reason = records.FAILED, str(error)
            raise
        run.status, run.reason = records.FAILED, f"{type(error).__name__}: {error}"
        run.traceback = traceback.format_exc()
    finally:
        run.wall_seconds = before + time.perf_counter() - begin
        run.peak_memory_bytes = peak_memory_bytes()
        if processes.is_main():
            run.write(folder)
    return None


def data_context(config: DictConfig, console: Console) -> DataContext:
    """The data sources that the configuration names."""
    from common.data.context import DataContext
    from common.experiment.machine import cpus

    source = config.data.local_source
    return DataContext(
        root=Path(config.data.root),
        local_source=Path(source) if source else None,
        download=config.data.download,
        workers=config.data.workers or cpus(),
        progress=bool(config.trainer.progress) and console.is_terminal,
    )


def _no_room(error: Exception, folder: Path) -> bool:
    """Whether the run's own folder takes no more files; an unreadable input is another matter."""
    if not isinstance(error, OSError) or error.errno not in NO_ROOM:
        return False
    return error.filename is None or Path(error.filename).resolve().is_relative_to(folder.resolve())


def _folder(config: DictConfig, content: dict[str, Any], digest: str) -> tuple[Path, bool]:
    root = Path(config.output_root)
    if not processes.is_main():
        return processes.shared(root, digest)
    if config.resume is None:
        return open_run_folder(root, config.paper.id, config.task.name, digest), False
    folder = Path(config.resume)
    Record.read(folder)
    try:
        there = json.loads((folder / CONFIG).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        raise UserError(
            f"{folder} has no readable {CONFIG}: it is not the folder of one task. The folder of a "
            "composite run is resumed with the composite's own task."
        ) from None
    refuse_other(folder, differences(there, content))
    return folder, True


def is_composite(config: DictConfig) -> bool:
    """Whether the task only names other tasks."""
    return bool(OmegaConf.select(config, "task.members"))
