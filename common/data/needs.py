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
    """Paper and set of each run that has one; the hash of a configuration decides its set."""
    known = _read(cache)
    missing = [run for run in runs if run.config_hash not in known]
    if missing:
        known |= _composed(missing)
        kept = {digest: _plain(spec) for digest, spec in known.items()}
        write_text(cache, json.dumps(kept, indent=1, sort_keys=True))
    pairs = [(run.paper, known[run.config_hash]) for run in runs]
    return [(paper, spec) for paper, spec in pairs if spec is not None]


def _composed(runs: list[PlannedRun]) -> dict[str, DataSpec | None]:
    from omegaconf import OmegaConf

    from common.ledger.plan import composer

    found = {}
    with composer() as compose:
        for run in runs:
            dataset = compose(run.arguments, f"{run.paper}, {run.task}").task.get("dataset")
            found[run.config_hash] = None if dataset is None else OmegaConf.to_object(dataset)
    return found


def _plain(spec: DataSpec | None) -> list[Any] | None:
    return None if spec is None else [type(spec).__name__, asdict(spec)]


def _read(cache: Path) -> dict[str, DataSpec | None]:
    try:
        return {
            digest: None if entry is None else getattr(specs, entry[0])(**entry[1])
            for digest, entry in json.loads(cache.read_text()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # absent, or of an earlier version: it only costs time
