"""Which sets the claims' runs need: composed as the runs themselves are.

Composing takes a third of a second a run, so what came of it is kept: under the output folder by
every call, in git by `python -m common.data pin`, so that a fresh clone has little to compose.
"""

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
    found: dict[str, Need] = {}
    for run, sets in _sets(papers, folders):
        for spec in sets:
            name = key_of(spec) or f"{type(spec).__name__} of official files"
            users = found[name].papers if name in found else ()
            found[name] = Need(name, spec, tuple(sorted({*users, run.paper})))
    return [found[name] for name in sorted(found)]


def commit(papers: Iterable[str], folders: Folders) -> None:
    """Put what the present claims' runs need where git keeps it.

    Raises:
        UserError: a run does not compose.
    """
    _write(folders.data_sets, {run.config_hash: sets for run, sets in _sets(papers, folders)})


def _sets(papers: Iterable[str], folders: Folders) -> list[tuple[PlannedRun, list[DataSpec]]]:
    """Runs that differ in more than their seed, with their sets."""
    from common.ledger.kept_plans import KeptPlan
    from common.ledger.plan import plan

    runs: dict[tuple[Any, ...], PlannedRun] = {}
    for paper in papers:
        composed = plan(paper, folders.claims(paper), KeptPlan.of(paper, folders))
        for run in composed.unique_runs(SCALE):
            runs.setdefault((paper, run.task, run.overrides), run)  # a seed changes no set
    # The hash of a configuration decides its sets.
    cache = folders.kept / "data_sets.json"
    known = _read(folders.data_sets) | _read(cache)
    if missing := [run for run in runs.values() if run.config_hash not in known]:
        known |= _composed(missing)
        _write(cache, known)
    return [(run, known[run.config_hash]) for run in runs.values()]


def _composed(runs: list[PlannedRun]) -> dict[str, list[DataSpec]]:
    from common.experiment.datasets import datasets
    from common.ledger.plan import composer

    with composer() as compose:
        return {
            run.config_hash: datasets(compose(run.arguments, f"{run.paper}, {run.task}").task)
            for run in runs
        }


def _read(path: Path) -> dict[str, list[DataSpec]]:
    try:
        content = json.loads(path.read_text())
        made = [getattr(specs, name)(**fields) for name, fields in content["sets"]]
        return {digest: [made[i] for i in numbers] for digest, numbers in content["of"].items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return {}  # absent, or of an earlier version: it only costs time


def _write(path: Path, known: dict[str, list[DataSpec]]) -> None:
    """Each set once, however many configurations have it."""
    texts = {
        digest: [json.dumps([type(s).__name__, asdict(s)], sort_keys=True) for s in of_run]
        for digest, of_run in known.items()
    }
    sets = sorted({text for of_run in texts.values() for text in of_run})
    numbers = {text: i for i, text in enumerate(sets)}
    lines = [f'"{digest}": {[numbers[t] for t in texts[digest]]}' for digest in sorted(texts)]
    of, made = ",\n".join(lines), ",\n".join(sets)
    write_text(path, f'{{"sets": [\n{made}\n], "of": {{\n{of}\n}}}}\n')
