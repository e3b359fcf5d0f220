"""What a sweep would do, found out and shown before anything starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from common.data.context import DataContext
from common.errors import UserError
from common.experiment import record as records
from common.experiment.record import Record
from common.experiment.sweep import at_hand, data, store
from common.experiment.sweep.at_hand import AtHand, Standing
from common.experiment.sweep.job import Job, own_overrides
from common.experiment.sweep.profiles import SlurmProfile
from common.experiment.sweep.states import HELD, States

QUEUED = "queued"
_ROWS = 40
_EARLIER = 20  # runs of a task that are looked at for their time


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        standings: one for each job.
        runs: what lies below ``output_root``, listed once.
        elsewhere: job -> the sweep in whose queue the same experiment waits or runs.
        lacking: data sets that are not prepared, and what has to be done for each.
    """

    jobs: Sequence[Job]
    standings: Sequence[Standing]
    runs: AtHand
    elsewhere: dict[int, str] = field(default_factory=dict)
    lacking: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def to_run(self) -> list[int]:
        """Jobs that are started."""
        return [
            job.index
            for job, standing in zip(self.jobs, self.standings, strict=True)
            if standing.what in (at_hand.NEW, at_hand.RESUME) and job.index not in self.elsewhere
        ]

    @property
    def done(self) -> dict[int, str]:
        """Jobs that need nothing, and the run that is there or on its way."""
        return {
            job.index: str(standing.folder.resolve())
            for job, standing in zip(self.jobs, self.standings, strict=True)
            if standing.what in (at_hand.DONE, at_hand.RUNNING)
        }


def refuse_duplicates(jobs: Iterable[Job]) -> None:
    """Raises UserError if two jobs are the same experiment, or one is a part of another."""
    jobs = list(jobs)
    seen: dict[str, Job] = {}
    of = {member: job for job in jobs for member in job.members}
    for job in jobs:
        if (whole := of.get(job.config_hash)) is not None:
            raise UserError(
                f"A job of this sweep is also a part of another; leave one out:\n  "
                f"{' '.join(job.overrides)}\n  {' '.join(whole.overrides)}"
            )
        first = seen.setdefault(job.config_hash, job)
        if first is not job:
            raise UserError(
                "Two jobs of this sweep are the same experiment; leave one out:\n  "
                f"{' '.join(first.overrides)}\n  {' '.join(job.overrides)}"
            )


def look(jobs: Sequence[Job], root: Path, context: DataContext, *, skip_done: bool) -> Plan:
    """Find out what each job still needs; changes nothing."""
    runs = AtHand(root)
    if not skip_done:
        standings = [Standing(at_hand.NEW)] * len(jobs)
        return Plan(jobs, standings, runs, {}, data.lacking(data.needed(jobs), context))
    standings = [runs.of(job) for job in jobs]
    elsewhere = _elsewhere(
        [j for j, s in zip(jobs, standings, strict=True) if s.what != at_hand.DONE], root
    )
    plan = Plan(jobs, standings, runs, elsewhere)
    chosen = set(plan.to_run)
    wanted = data.needed(job for job in jobs if job.index in chosen)
    return replace(plan, lacking=data.lacking(wanted, context))


def show(plan: Plan, profile: Any, console: Console) -> None:
    """The table of jobs, what data they wait for, how long it may take."""
    console.print(_table(plan))
    for spec, what in plan.lacking:
        console.print(
            f"  data: {type(spec).__name__} {what}; {_who_prepares(profile)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    counts = Counter(_what(plan, job.index) for job in plan.jobs)
    tally = ", ".join(f"{count} {what}" for what, count in counts.items())
    console.print(f"  {len(plan.jobs)} jobs: {tally}", highlight=False)
    if plan.to_run:
        console.print(f"  {estimate(plan, profile)}", highlight=False, soft_wrap=True)


def estimate(plan: Plan, profile: Any) -> str:
    """Node-hours, from what earlier runs of each task took."""
    known, seconds, unknown, nodes = {}, 0.0, 0, 0
    chosen = set(plan.to_run)
    for job in (job for job in plan.jobs if job.index in chosen):
        key = (job.paper, job.task, job.variant, job.scale)
        if key not in known:
            known[key] = _seconds(plan.runs, job)
        if known[key] is None:
            unknown, nodes = unknown + 1, nodes + job.nodes
        else:
            seconds += known[key] * job.nodes
    text = f"about {seconds / 3600:.2g} node-hours, as earlier runs took" if seconds else ""
    if unknown:
        limit = (
            f", at most {nodes * profile.time / 60:.3g} node-hours between two requeues"
            if isinstance(profile, SlurmProfile)
            else ""
        )
        text += f"{'; ' if text else ''}{unknown} jobs of tasks that have no time here yet{limit}"
    return text


def _seconds(runs: AtHand, job: Job) -> float | None:
    """What earlier runs of the same row took."""
    found = []
    for folder in runs.alike(job)[:_EARLIER]:
        try:
            run = Record.read(folder)
        except UserError:
            continue
        alike = (run.variant, run.scale) == (job.variant, job.scale)
        if run.status == records.COMPLETED and alike:
            found.append(run.wall_seconds)
    return median(found) if found else None


def _elsewhere(jobs: Sequence[Job], root: Path) -> dict[int, str]:
    """Jobs that another sweep has in its queue."""
    wanted = {job.config_hash: job.index for job in jobs}
    found: dict[int, str] = {}
    for folder in store.folders(root):
        try:
            sweep = store.Sweep.read(folder)
        except UserError:
            continue
        if not any(j.config_hash in wanted for j in sweep.jobs):
            continue
        for state in States(sweep).look():
            waits = state.alive or state.state == HELD
            if state.job.config_hash in wanted and waits:
                found[wanted[state.job.config_hash]] = sweep.name
    return found


def _table(plan: Plan) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    if len(plan.jobs) <= _ROWS:
        own = own_overrides(plan.jobs)
        for column in ("job", "paper", "task", "variant", "scale", "seed", "what"):
            table.add_column(column, overflow="fold")
        if any(own):
            table.add_column("with", overflow="fold")
        for job, overrides in zip(plan.jobs, own, strict=True):
            told = [job.paper, job.task, job.variant, job.scale, str(job.seed)]
            also = [overrides] if any(own) else []
            table.add_row(str(job.index), *told, _what(plan, job.index), *also)
        return table
    rows: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for job in plan.jobs:
        key = (job.paper, job.task, job.variant, job.scale)
        rows[key][_what(plan, job.index)] += 1
    for column in ("paper", "task", "variant", "scale", "jobs"):
        table.add_column(column, overflow="fold")
    for key, counts in rows.items():
        table.add_row(*key, ", ".join(f"{n} {what}" for what, n in counts.items()))
    return table


def _what(plan: Plan, index: int) -> str:
    if index in plan.elsewhere:
        return f"{QUEUED} in {plan.elsewhere[index]}"
    return plan.standings[index].what


def _who_prepares(profile: Any) -> str:
    if not isinstance(profile, SlurmProfile):
        return "the first run that needs it makes it"
    return {
        "job": "a job does that, the others wait for it",
        "here": "done here before anything is queued",
        "no": "the first run that needs it makes it",
    }[profile.prepare]
