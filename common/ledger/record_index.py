"""What records say, read once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.experiment import record as records
from common.experiment.record import Record
from common.ledger.kept import KEPT, Kept
from common.ledger.record_files import Stamp
from common.ledger.runs import RunRow

# Overrides with which a run is still the recipe's: they choose it, or say where and how it runs.
_CHOOSING = ("paper", "task", "model", "scale", "seed", "trainer", "trainer.devices")

_RESTS_ON = f"2 {records.SCHEMA}"  # the form of what is kept, and of a record


@dataclass(frozen=True)
class Attempt:
    """One record.

    Attributes:
        folder: of the run.
        status: how it ended.
        reason: for every status but ``completed``.
        recipe: no override changed what the recipe says.
        row: what the results keep of it.
    """

    folder: str
    status: str
    reason: str
    recipe: bool
    row: RunRow

    @property
    def config_hash(self) -> str:
        """Of its configuration."""
        return self.row.config_hash


class RecordIndex:
    """The records of a paper, kept between calls under the size and times of each file."""

    def __init__(self, outputs: Path, paper: str):
        self._kept = Kept(outputs / KEPT / "records" / f"{paper}.json")
        self._prefix = len(str(outputs)) + 1
        content = self._kept.read(_RESTS_ON) or {"records": {}, "code": {}}
        self._old: dict[str, Any] = content["records"]
        self._codes: dict[str, dict[str, str]] = content["code"]
        self._new: dict[str, Any] = {}

    def entry(self, folder: str, stamp: Stamp) -> Attempt | str | None:
        """The attempt in a run's folder, a sentence if unreadable, None for a composite."""
        name = folder[self._prefix :]
        try:
            known = self._old.get(name)
            if known is None or known["stamp"] != stamp:
                known = {"stamp": stamp} | self._read(Path(folder))
        except (OSError, UserError) as error:
            return f"left out: {error}"
        except (KeyError, TypeError) as error:
            return f"left out: {folder}/{records.NAME} lacks {error}"
        self._new[name] = known
        if "row" not in known:
            return None
        row = RunRow(**known["row"] | {"code": self._codes[known["row"]["code"]]})
        return Attempt(folder, known["status"], known["reason"], known["recipe"], row)

    def save(self) -> None:
        """Keep what was read, if anything was."""
        if self._new != self._old:
            self._kept.write(_RESTS_ON, {"code": self._codes, "records": self._new})

    def _read(self, folder: Path) -> dict[str, Any]:
        run = Record.read(folder)
        if "members" in run.facts or "members" in run.config:
            return {}
        row = to_row(run).content()
        name = next((n for n, c in self._codes.items() if c == row["code"]), str(len(self._codes)))
        self._codes[name] = row["code"]
        return {
            "status": run.status,
            "reason": run.reason or "",
            "recipe": _follows_recipe(run),
            "row": row | {"code": name},
        }


def to_row(run: Record) -> RunRow:
    """The part of a record that the results keep."""
    dirty = run.provenance.get("dirty")
    gpus = run.provenance.get("gpu") or []
    return RunRow(
        task=run.task,
        variant=run.variant,
        scale=run.scale,
        seed=run.seed,
        config_hash=run.config_hash,
        commit=(run.provenance.get("commit") or "")[:12],
        dirty="" if dirty is None else _yes(dirty),
        paper_data=_yes(all(d["is_paper_data"] for d in run.data)) if run.data else "",
        published=run.published,
        chance=run.chance,
        headline=run.metric,
        metrics=dict(run.metrics),
        code=dict(run.code),
        data={d["key"]: d["content_sha256"] for d in run.data if "key" in d},
        curves=dict(run.curves),
        started=run.started,
        seconds=round(run.wall_seconds, 1),
        threads=int(run.provenance.get("threads") or 0),
        hardware=", ".join(gpus) or str(run.provenance.get("cpu") or ""),
    )


def _follows_recipe(run: Record) -> bool:
    from common.experiment.schema import VOLATILE

    keys = [o.partition("=")[0].lstrip("+~") for o in run.overrides]
    return all(
        k in _CHOOSING or any(k == v or k.startswith(f"{v}.") for v in VOLATILE) for k in keys
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
