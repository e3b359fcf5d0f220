"""Which sets the claims' runs need: composed as the runs themselves are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.atomic import write_text
from common.data import specs
from common.data.naming import IN_MEMORY, key_of
from common.data.specs import DataSpec

if TYPE_CHECKING:
    from common.ledger.folders import Folders
    from common.ledger.planned_run import PlannedRun

SCALE = "laptop"


@dataclass(frozen=True)
class Need:
    """A set and the papers that need it.

    Attributes:
        key: names it; several specs may be read from one prepared file and share it.
        spec: one of those that need it.
        papers: their ids.
    """

    key: str
    spec: DataSpec
    papers: tuple[str, ...]

    @property
    def has_file(self) -> bool:
        """Whether there is something to prepare."""
        return not isinstance(self.spec, IN_MEMORY)


def needed(papers: Iterable[str], folders: Folders) -> list[Need]:
    """The sets of the laptop runs of the papers' claims, by key; those without data need none.

    Raises:
        UserError: a run does not compose.
    """
    from common.ledger.kept_plans import KeptPlan
    from common.ledger.plan import plan

    runs: dict[tuple[Any, ...], PlannedRun] = {}
    for paper in papers:
        composed = plan(paper, folders.claims(paper), KeptPlan.of(paper, folders))
        for run in composed.unique_runs(SCALE):
            runs.setdefault((paper, run.task, run.overrides), run)  # a seed changes no set
    found: dict[str, Need] = {}
    for paper, spec in _specs(list(runs.values()), folders.kept / "data_sets.json"):
        name = key_of(spec) or f"{type(spec).__name__} of official files"
        users = found[name].papers if name in found else ()
        found[name] = Need(name, spec, tuple(sorted({*users, paper})))
    return [found[name] for name in sorted(found)]


def _specs(runs: list[PlannedRun], cache: Path) -> list[tuple[str, DataSpec]]:
    """Paper and set of each run, one pair a set; the hash of a configuration decides its sets."""
    known = _read(cache)
    missing = [run for run in runs if run.config_hash not in known]
    if missing:
        known |= _composed(missing)
        kept = {d: [[type(s).__name__, asdict(s)] for s in sets] for d, sets in known.items()}
        write_text(cache, json.dumps(kept, indent=1, sort_keys=True))
    return [(run.paper, spec) for run in runs for spec in known[run.config_hash]]


def _composed(runs: list[PlannedRun]) -> dict[str, list[DataSpec]]:
    from common.experiment.datasets import datasets
    from common.ledger.plan import composer

    with composer() as compose:
        return {
            run.config_hash: datasets(compose(run.arguments, f"{run.paper}, {run.task}").task)
            for run in runs
        }


def _read(cache: Path) -> dict[str, list[DataSpec]]:
    try:
        return {
            digest: [getattr(specs, name)(**fields) for name, fields in entries]
            for digest, entries in json.loads(cache.read_text()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # absent, or of an earlier version: it only costs time
