"""SIGINT and SIGTERM end a run in order: at once outside training, after the step inside."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class RunInterrupted(BaseException):
    """A signal asked this run to stop. Like KeyboardInterrupt, no ``except Exception`` takes it."""

    def __init__(self, signum: int):
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.folder: Path | None = None  # what resume= goes on from; the outermost run's

    def hint(self) -> str:
        """The message, with how to go on."""
        if self.folder is None:
            return str(self)
        return f"{self}; the same command with resume={os.path.relpath(self.folder)} goes on"


class StopRequest:
    """What the signal handlers and the training loop share.

    While ``deferring`` a first signal only sets ``signum``, since a step cut in the middle cannot
    be resumed from; the loop calls :meth:`raise_if_set` between steps. A second signal stops at
    once.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._deferring = False

    def raise_if_set(self) -> None:
        """Raises RunInterrupted if a signal has come."""
        if self.signum is not None:
            raise RunInterrupted(self.signum)

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Hold a signal back until the block looks for it or ends."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False

    def _handle(self, signum: int, frame: object) -> None:
        second = self.signum is not None
        self.signum = signum
        if second or not self._deferring:
            raise RunInterrupted(signum)

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Install the handlers for the block; outside the main thread signals are left alone."""
        old = self.listen()
        try:
            yield self
        finally:
            for signum, handler in old.items():
                signal.signal(signum, handler)

    def listen(self) -> dict[int, Any]:
        """Install the handlers, also over another library's; returns those that were there."""
        try:
            return {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:
            return {}
