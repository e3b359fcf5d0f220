"""One side of a comparison of revisions: a paper's claims, verdicts and runs as they were."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from typing import Any

from common.errors import UserError
from common.ledger import asked, revisions
from common.ledger.folders import Folders
from common.ledger.relations import split, unique
from common.ledger.runs import RunRow, from_json
from common.ledger.summary import rounded, summary
from common.ledger.update import PaperLedger


@dataclass(frozen=True)
class Side:
    """A paper at one scale.

    Attributes:
        claims: id -> the claim as it stands in the file.
        verdicts: id -> verdict.
        rows: what was measured.
        means: over all seeds, of a revision that kept no runs.
    """

    scale: str
    claims: dict[str, dict[str, Any]]
    verdicts: dict[str, str]
    rows: tuple[RunRow, ...] = ()
    means: dict[str, Any] = field(default_factory=dict)

    def check(self, claim: str) -> dict[str, Any]:
        """How a claim is tested; empty if it is not."""
        return asked.check(self.claims.get(claim), self.scale)

    def verdict(self, claim: str) -> str:
        """As it was reached; a dash if the claim is not tested."""
        return self.verdicts.get(claim, asked.ABSENT) if self.check(claim) else asked.ABSENT

    def figures(self, claim: str) -> dict[str, float | None]:
        """Metric -> mean over the seeds that the claim's check lists, six digits; None where no run
        has it."""
        check = asked.parsed(self.check(claim))
        if check is None:
            return {}
        seeds: dict[str, set[int]] = {}
        for spec in check.specs:
            seeds.setdefault(spec.task, set()).update(spec.seeds)
        return {metric: self._mean(metric, seeds) for metric in unique(check.metrics())}

    def _mean(self, metric: str, seeds: dict[str, set[int]]) -> float | None:
        task, variant, name = split(metric)
        if not self.rows:
            place = self.means.get(task, {}).get(self.scale, {}).get(variant, {})
            return place.get(name, {}).get("mean")
        values = [
            row.metrics[name]
            for row in self.rows
            if (row.task, row.variant, row.scale) == (task, variant, self.scale)
            and row.seed in seeds.get(task, ())
            and name in row.metrics
        ]
        return rounded(statistics.fmean(values)) if values else None


def committed(paper: str, revision: str, folders: Folders, scale: str) -> Side:
    """As a revision has it.

    Raises:
        UserError: one of its files cannot be read.
    """
    made = revisions.text(revision, folders.results, folders.summary(paper).name)
    try:
        means = json.loads(made or "{}")
    except ValueError as error:
        raise UserError(f"{revision}:{folders.summary(paper)} is not JSON: {error}.") from error
    path = folders.runs(paper).relative_to(folders.results).as_posix()
    runs = revisions.text(revision, folders.results, path)
    return Side(
        scale,
        asked.claims(folders, revision, paper),
        means.pop("verdicts", {}).get(scale, {}),
        from_json(runs, f"{revision}:{path}").rows if runs else (),
        means,
    )


def present(paper: str, ledger: PaperLedger | None, folders: Folders, scale: str) -> Side:
    """As it is now; ``ledger`` is None for a paper that is gone."""
    if ledger is None:
        return Side(scale, {}, {})
    return Side(
        scale,
        asked.claims(folders, None, paper),
        {r.claim.id: r.verdict for r in ledger.results.get(scale, [])},
        ledger.rows,
        summary(ledger.rows),
    )
