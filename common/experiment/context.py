"""What a task is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from common.experiment.interruption import StopRequest

if TYPE_CHECKING:
    from common.data.context import DataContext
    from common.data.sequence import SequenceData

T = TypeVar("T")


@dataclass(frozen=True)
class RunContext:
    """One run in progress.

    Attributes:
        config: the composed configuration, read-only.
        folder: the run's own folder; figures, tables and checkpoints go there.
        data: where data sets come from.
        stop: raises between steps once a signal has come.
        console: for the person at the terminal.
        resuming: the folder holds an earlier attempt of this run.
    """

    config: DictConfig
    folder: Path
    data: DataContext
    stop: StopRequest
    console: Console
    resuming: bool = False

    @property
    def progress(self) -> bool:
        """Whether progress bars make sense here."""
        return bool(self.config.trainer.progress) and self.console.is_terminal

    def track(self, items: Iterable[T], description: str) -> Iterator[T]:
        """Iterate with a progress bar, stopping in order when a signal has come."""
        bar = track(items, description, console=self.console, disable=not self.progress)
        for item in bar:
            self.stop.raise_if_set()
            yield item


@dataclass
class TaskResult:
    """What a task measured.

    Attributes:
        metrics: finite numbers by name; accuracies in per cent, times in seconds.
        data: one :func:`data_entry` for each data set.
        notes: sentences for the reader of the table ("not trained", "selected on the test set").
        facts: anything else worth keeping, as JSON.
        curves: name -> a value each epoch.
    """

    metrics: dict[str, float]
    data: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)


def data_entry(data: SequenceData) -> dict[str, Any]:
    """What a record says of a data set."""
    return {
        "key": data.key,
        "name": data.name,
        "source": data.source,
        "content_sha256": data.content_sha256,
        "is_paper_data": data.is_paper_data,
    }
