"""One run of a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """What is run, known before anything is.

    Attributes:
        index: its place in the sweep, from 0.
        overrides: the arguments of ``run.py``.
        variant: row of the results table; of a composite its first member's.
        config_hash: what it is; two jobs with the same are one experiment.
        roots: modules of the house that its configuration, or one of its members', names.
        datasets: specifications of the sets it reads, of ``common.data.specs``; of a composite its
            members'.
        devices: processes of one run.
        nodes: machines that they are dealt out to.
    """

    index: int
    overrides: tuple[str, ...]
    paper: str
    task: str
    variant: str
    scale: str
    seed: int
    config_hash: str
    roots: tuple[str, ...] = ()
    datasets: tuple[Any, ...] = ()
    devices: int = 1
    nodes: int = 1

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.paper} {self.task} {self.variant} seed {self.seed}"
