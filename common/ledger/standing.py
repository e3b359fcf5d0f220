"""Where each paper stands, in a few words; remembered until something it rests on changes.

To judge a paper is to read its claims, every run and the source of what ran. ``status`` does it
once and keeps the outcome in ``<outputs>/.ledger/standing``, with digests of all of that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from common.experiment.sources import PACKAGES
from common.ledger import fingerprint
from common.ledger.folders import Folders
from common.ledger.kept import Kept
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
    kept = Kept(folders.standing(paper, scale))
    evidence, source = _evidence(paper, folders), _source(paper)
    found = _remembered(kept, evidence, source)
    if found is None:
        from common.ledger.update import look

        ledger = look(paper, folders)
        found = of_ledger(ledger, scale)
        # What was edited while it was judged is judged again.
        if evidence == _evidence(paper, folders) and fingerprint.unchanged(paper):
            compared = {place: source.get(place, "") for place in _places(ledger.compared)}
            kept.write(evidence, {"source": compared, "standing": asdict(found)})
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
    """A digest of all that a verdict is reached from, but the source that ran; of this checkout
    alone, since what is said names its files."""
    made = (folders.runs, folders.figures, folders.summary, folders.curves)
    content = [
        str(folders.results.resolve()),
        fingerprint.of_recipes(paper),
        fingerprint.of_judge(),
        fingerprint.of_files(
            [folders.claims(paper), folders.pins, *(place(paper) for place in made)],
            folders.results,
        ),
        list(stamped(str(folders.outputs / paper))),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _source(paper: str) -> dict[str, str]:
    """Folder -> digest, of the packages that the paper's runs may go through."""
    packages = {"common": PACKAGES["common"], "papers": PACKAGES["papers"] / paper}
    return {
        f"{name}/{place}": digest
        for name, package in packages.items()
        for place, digest in fingerprint.of_packages(package).items()
    }


def _remembered(kept: Kept, evidence: str, source: dict[str, str]) -> Standing | None:
    content: dict[str, Any] | None = kept.read(evidence)
    if content is None:
        return None
    if any(source.get(place, "") != then for place, then in content["source"].items()):
        return None
    known = content["standing"]
    return Standing(**known | {name: tuple(known[name]) for name in ("altered", "warnings")})


def _places(modules: Iterable[str]) -> set[str]:
    """The folders of modules, where they lie or would lie. Beside its own file a module's digest
    is of those in its folder that it names."""
    found = set()
    for module in modules:
        package, *parts = module.partition(":")[0].split(".")
        parts = parts[1:] if package == "papers" else parts
        found |= {f"{package}/{'/'.join(parts[:-1])}", f"{package}/{'/'.join(parts)}"}
    return found
