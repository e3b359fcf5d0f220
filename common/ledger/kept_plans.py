"""Composed plans, kept between calls: in git the last, so that a fresh clone has nothing to
compose, and under the output folder a few, so that going back to earlier configurations has not."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.ledger import fingerprint
from common.ledger.kept import Kept
from common.ledger.planned_run import PlannedRun

if TYPE_CHECKING:
    from common.ledger.folders import Folders

Runs = dict[tuple[str, str], tuple[PlannedRun, ...]]

MOST = 4


@dataclass(frozen=True)
class KeptPlan:
    """The plan of a paper's present claims and configurations.

    Attributes:
        folder: of the paper's plans under the output folder.
        committed: the file in git.
        claims: the claims file.
    """

    paper: str
    claims: Path
    folder: Path
    committed: Path

    @classmethod
    def of(cls, paper: str, folders: Folders) -> KeptPlan:
        """Where a paper's plan is kept."""
        return cls(
            paper, folders.claims(paper), folders.kept / "plans" / paper, folders.plan(paper)
        )

    def read(self) -> tuple[str, Runs] | None:
        """Title and runs, if they are kept."""

        def run(content: dict[str, Any]) -> PlannedRun:
            tuples = {name: tuple(content[name]) for name in ("overrides", "roots")}
            return PlannedRun(**content | tuples)

        places = (self._kept, Kept(self.committed))
        found = (content for place in places if (content := place.read(self._rests_on)))
        content = next(found, None)
        if content is None:
            return None
        return content["title"], {
            (claim, scale): tuple(map(run, runs)) for claim, scale, runs in content["runs"]
        }

    def write(self, title: str, runs: Runs) -> None:
        """Keep them, unless a file was edited while they were composed."""
        if fingerprint.unchanged(self.paper):
            listed = [[*name, [asdict(run) for run in of_check]] for name, of_check in runs.items()]
            self._kept.write(self._rests_on, {"title": title, "runs": listed})
            for old in self._oldest_first()[:-MOST]:
                old.unlink(missing_ok=True)

    def commit(self) -> None:
        """Put the present plan where git keeps it."""
        if Kept(self.committed).read(self._rests_on) is None:
            content = self._kept.read(self._rests_on)
            if content is not None:
                Kept(self.committed).write(self._rests_on, content)

    @property
    def _rests_on(self) -> str:
        of_claims = fingerprint.of_files([self.claims], self.claims.parent)
        return f"{of_claims} {fingerprint.of_recipes(self.paper)}"

    @property
    def _kept(self) -> Kept:
        digest = hashlib.sha256(self._rests_on.encode()).hexdigest()
        return Kept(self.folder / f"{digest[:12]}.json")

    def _oldest_first(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
