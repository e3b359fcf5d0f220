"""Where each paper stands, in a few words; remembered until something it rests on changes.

To judge a paper is to read its claims, every run and the source of what ran. ``status`` does it
once and keeps the outcome in ``<outputs>/.ledger/standing``, with a digest of all of that and the
folders of the source that was compared.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.atomic import replacing
from common.experiment.sources import PACKAGES, source_file
from common.ledger import fingerprint
from common.ledger.folders import Folders
from common.ledger.record_files import stamped
from common.ledger.verdicts import FAILS, HOLDS, STALE, tally

if TYPE_CHECKING:
    from common.ledger.update import PaperLedger


@dataclass(frozen=True)
class Standing:
    """A paper at one scale.

    Attributes:
        verdicts: claim id -> verdict.
        why: claim id -> for one that does not hold, what is lacking, or what it says.
        runs: that were measured, and
        seconds: that they took, one after the other.
        altered: a sentence for each figure that is not what was recorded.
        warnings: a sentence for each record that cannot be read.
    """

    paper: str
    verdicts: dict[str, str]
    why: dict[str, str]
    runs: int
    seconds: float
    altered: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Verdict -> claims that have it."""
        return tally(self.verdicts.values())

    @property
    def in_order(self) -> bool:
        """No claim fails or is stale, and every figure is what was recorded."""
        return not (self.counts[FAILS] or self.counts[STALE] or self.altered)


def standing(paper: str, scale: str, folders: Folders) -> Standing:
    """Where a paper stands now; writes nothing in the results.

    Raises:
        UserError: its claims cannot be read, or a run of theirs does not compose.
    """
    kept = folders.standings / scale / f"{paper}.json"
    before = _evidence(paper, folders)
    found = _kept(kept, before)
    if found is None:
        from common.ledger.update import look

        ledger = look(paper, folders)
        found = of_ledger(ledger, scale)
        _keep(kept, before, ledger, found)
    return found


def of_ledger(ledger: PaperLedger, scale: str) -> Standing:
    """The short of what is known of a paper."""
    results = ledger.results.get(scale, [])
    rows = [row for row in ledger.rows if row.scale == scale]
    return Standing(
        ledger.plan.paper,
        {r.claim.id: r.verdict for r in results},
        {
            r.claim.id: next(iter((*r.changed, *r.missing, r.claim.statement)))
            for r in results
            if r.verdict != HOLDS
        },
        len(rows),
        sum(row.seconds for row in rows),
        ledger.altered,
        ledger.warnings,
    )


def _evidence(paper: str, folders: Folders) -> str:
    """A digest of all that a verdict is reached from, but the source that ran."""
    results = [
        make(paper) for make in (folders.runs, folders.figures, folders.summary, folders.curves)
    ]
    content = [
        fingerprint.of_recipes(),
        fingerprint.of_files([folders.claims(paper), folders.pins, *results]),
        list(stamped(str(folders.outputs / paper))),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _kept(file: Path, evidence: str) -> Standing | None:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
        source: dict[str, str] = content.pop("source")
        if content.pop("evidence") != evidence:
            return None
        if any(fingerprint.of_folder(Path(place)) != then for place, then in source.items()):
            return None
        lists = {name: tuple(content[name]) for name in ("altered", "warnings")}
        return Standing(**content | lists)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(file: Path, evidence: str, ledger: PaperLedger, found: Standing) -> None:
    places = {_folder(module.partition(":")[0]) for module in ledger.compared}
    source = {str(place): fingerprint.of_folder(place) for place in places}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file, "w") as out:
            json.dump({"evidence": evidence, "source": source} | asdict(found), out)
    except OSError:
        pass  # it only costs time


def _folder(module: str) -> Path:
    """Where its file lies, with those beside it that it names, or where it lay."""
    file = source_file(module)
    package, *parts = module.split(".")
    return file.parent if file else PACKAGES[package].joinpath(*parts[:-1])
