"""A task such as ``lra`` that runs others, one after the other, and shows them in one table."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict
from rich.console import Console

from common.errors import UserError
from common.experiment import record as records
from common.experiment.folder import open_run_folder
from common.experiment.identity import config_hash, differences, plain, refuse_other
from common.experiment.interruption import RunInterrupted
from common.experiment.lifecycle import Outcome, alone, run_one
from common.experiment.record import Record

MEMBERS = "members.json"
_WHOLE = ("task", "task.members", "resume")  # overrides that mean the composite itself


def run_composite(
    config: DictConfig,
    overrides: list[str],
    console: Console,
    announce: Callable[[DictConfig], None],
    opened: Callable[[Path], None] = lambda folder: None,
) -> tuple[Outcome, list[Outcome]]:
    """Run every member task and record the whole.

    All members are composed before the first one starts, so a bad option costs no training.
    With ``resume=<folder>`` members completed there are kept, one that was cut short goes on.
    """
    configs = _compose_members(config.task.members, overrides)
    contents = {name: plain(member) for name, member in configs.items()}
    digest = composite_hash({name: config_hash(content) for name, content in contents.items()})
    folder, earlier, before = _open(config, contents, digest)
    started, begin = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    folders: dict[str, str] = dict(earlier)
    outcomes: list[Outcome] = []
    mistake = None
    run = Record(
        paper=config.paper.id,
        task=config.task.name,
        variant=next(iter(configs.values())).variant,
        scale=config.scale.name,
        seed=config.seed,
        overrides=overrides,
        config_hash=digest,
        config={"members": contents},
        started=before.started if before else started,
    )
    waited = before.wall_seconds if before else 0.0
    with alone(folder):
        try:
            records.write_json(folder / MEMBERS, folders)
            run.write(folder)
            opened(folder)
            for name, member in configs.items():
                with open_dict(member):
                    member.resume = earlier.get(name)
                    member.output_root = config.output_root
                    member.trainer.threads = config.trainer.threads
                announce(member)

                def member_opened(member_folder: Path, name: str = name) -> None:
                    folders[name] = str(member_folder.resolve())
                    records.write_json(folder / MEMBERS, folders)

                outcomes.append(_keep_or_run(member, overrides, console, member_opened))
                if (mistake := outcomes[-1].mistake) is not None:
                    # Members share their options: what is wrong with one is wrong with the next.
                    break
            run.status = records.COMPLETED
            broken = [o for o in outcomes if o.record.status in (records.FAILED, records.DIVERGED)]
            if broken:
                run.status = records.FAILED
                run.reason = f"{len(broken)} of {len(outcomes)} tasks failed"
        except RunInterrupted as interruption:
            run.status, run.reason = records.INTERRUPTED, str(interruption)
            interruption.folder = folder
            raise
        except KeyboardInterrupt:  # between two members
            run.status, run.reason = records.INTERRUPTED, "stopped by SIGINT"
            raise
        except Exception as error:
            run.status, run.reason = records.FAILED, str(error)
            raise
        finally:
            run.wall_seconds = waited + time.perf_counter() - begin
            run.metrics = _summary(outcomes, config.task.members)
            run.facts = {"members": folders}
            if outcomes:
                run.provenance = outcomes[0].record.provenance
            run.write(folder)
    return Outcome(folder, run, mistake), outcomes


def _keep_or_run(
    member: DictConfig, overrides: list[str], console: Console, opened: Callable[[Path], None]
) -> Outcome:
    if member.resume is not None:
        done = Record.read(Path(member.resume))
        # What diverged would diverge again.
        ended = done.status in (records.COMPLETED, records.DIVERGED)
        if ended and done.config_hash == config_hash(plain(member)):
            return Outcome(Path(member.resume), done)
    return run_one(member, overrides, console, opened)


def members_of(folder: Path) -> dict[str, Path]:
    """Task -> run folder of what a composite has begun; empty for the folder of one task."""
    try:
        return {name: Path(f) for name, f in json.loads((folder / MEMBERS).read_text()).items()}
    except (OSError, ValueError):
        return {}


def _open(
    config: DictConfig, contents: dict[str, dict[str, Any]], digest: str
) -> tuple[Path, dict[str, str], Record | None]:
    """The folder, the members' folders so far, and the record of an earlier attempt.

    Raises:
        UserError: the folder to resume is not a composite run's, or was run with other options.
    """
    if config.resume is None:
        root = Path(config.output_root)
        return open_run_folder(root, config.paper.id, config.task.name, digest), {}, None
    folder = Path(config.resume)
    earlier = Record.read(folder)
    try:
        members = json.loads((folder / MEMBERS).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        raise UserError(
            f"{folder} is not the folder of a composite run: it has no readable {MEMBERS}. To "
            "resume one member, give its own task and folder."
        ) from None
    there = earlier.config.get("members", {})
    different = [
        f"{name}: {line}"
        for name, content in contents.items()
        for line in differences(there.get(name, {}), content)
    ]
    refuse_other(folder, different)
    return folder, members, earlier


def composite_hash(members: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits that name a composite, from its members' tasks and hashes."""
    return config_hash(dict(members))


def member_overrides(name: str, overrides: Iterable[str]) -> list[str]:
    """With what one member of a composite is composed."""
    kept = [o for o in overrides if o.partition("=")[0].lstrip("+~") not in _WHOLE]
    return [*kept, f"task={name}"]


def _compose_members(members: Iterable[str], overrides: Sequence[str]) -> dict[str, DictConfig]:
    from hydra import compose

    return {
        name: compose("config", overrides=member_overrides(name, overrides)) for name in members
    }


def _summary(outcomes: list[Outcome], members: list[str]) -> dict[str, float]:
    """Each member's figure; and the average, unless a member was not run or only timed.

    A member that failed or diverged counts its chance value, as published averages count a
    Path-X that was not learnt (50), neither 0 nor left out.
    """
    figures = {}
    for run in (o.record for o in outcomes):
        figure = run.metrics.get(run.metric)
        if run.status in (records.FAILED, records.DIVERGED):
            figure = run.chance
        if figure is not None:
            figures[f"{run.task.rpartition('/')[2]}_{run.metric}"] = figure
    if len(figures) == len(members):
        figures["average"] = statistics.fmean(figures.values())
    return figures
