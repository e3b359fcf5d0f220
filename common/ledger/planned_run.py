"""One run that a claim calls for."""

from __future__ import annotations

from dataclasses import dataclass

from common.ledger.runs import Key


@dataclass(frozen=True)
class PlannedRun:
    """One run: what it is called, its identity, how to start it, and where its code begins."""

    paper: str
    task: str
    variant: str
    scale: str
    seed: int
    overrides: tuple[str, ...]
    config_hash: str
    roots: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What names its row in the results."""
        return self.task, self.variant, self.scale, self.seed

    @property
    def arguments(self) -> list[str]:
        """Arguments of ``run.py``."""
        return [
            f"paper={self.paper}",
            f"task={self.task}",
            f"scale={self.scale}",
            *self.overrides,
            f"seed={self.seed}",
        ]
