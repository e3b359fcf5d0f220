"""One run of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_TOLD = ("paper", "task", "scale", "seed")


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
        members: of a composite, its members' hashes.
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
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.paper} {self.task} {self.variant} seed {self.seed}"


def own_overrides(jobs: Sequence[Job]) -> list[str]:
    """The overrides of each job that others lack, but for those that a table tells anyway."""
    counts = Counter(override for job in jobs for override in job.overrides)
    return [
        " ".join(
            override
            for override in job.overrides
            if counts[override] < len(jobs) and override.partition("=")[0] not in _TOLD
        )
        for job in jobs
    ]
