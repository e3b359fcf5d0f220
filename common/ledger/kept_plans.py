"""Composed plans, kept between calls: of each paper a few, so that going back to earlier
configurations costs nothing."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.ledger import fingerprint
from common.ledger.kept import Kept

if TYPE_CHECKING:
    from common.ledger.plan import PlannedRun

    Runs = dict[tuple[str, str], tuple[PlannedRun, ...]]

MOST = 4


@dataclass(frozen=True)
class KeptPlan:
    """The plan of a paper's present claims and configurations.

    Attributes:
        folder: of all plans.
        claims: the claims file.
    """

    folder: Path
    paper: str
    claims: Path

    def read(self) -> tuple[str, Runs] | None:
        """Title and runs, if they are kept."""
        from common.ledger.plan import PlannedRun

        def run(content: dict[str, Any]) -> PlannedRun:
            tuples = {name: tuple(content[name]) for name in ("overrides", "roots")}
            return PlannedRun(**content | tuples)

        content = self._kept.read(self._rests_on)
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

    @property
    def _rests_on(self) -> str:
        of_claims = fingerprint.of_files([self.claims], self.claims.parent)
        return f"{of_claims} {fingerprint.of_recipes(self.paper)}"

    @property
    def _kept(self) -> Kept:
        digest = hashlib.sha256(self._rests_on.encode()).hexdigest()
        return Kept(self.folder / self.paper / f"{digest[:12]}.json")

    def _oldest_first(self) -> list[Path]:
        return sorted(self._kept.path.parent.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
