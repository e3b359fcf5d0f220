"""A sweep as tables: where its jobs stand, and what they measured."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from common.atomic import replacing
from common.experiment import record as records
from common.experiment.children import last_lines
from common.experiment.record import Record
from common.experiment.sweep.job import own_overrides
from common.experiment.sweep.states import ALIVE, JobState
from common.experiment.sweep.store import Sweep

RESULTS = "results.csv"
_LINES = 5
_ROWS = 60
_COLOURS = {records.COMPLETED: "green", records.RUNNING: "cyan", "waiting": "dim"}


def tally(states: Sequence[JobState]) -> str:
    """How many jobs stand where: ``2 completed, 1 failed``."""
    counts = Counter(state.state for state in states)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def jobs_table(states: Sequence[JobState], *, progress: bool = False) -> Table:
    """A line for each job; of a large sweep those that have not ended well."""
    shown = list(states)
    if len(shown) > _ROWS:
        shown = [s for s in states if s.state not in (records.COMPLETED, "waiting")][:_ROWS]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("job", "task", "variant", "seed", "state", "SLURM", "attempts"):
        table.add_column(column, no_wrap=True)
    table.add_column("so far" if progress else "cause", overflow="fold", min_width=20)
    for state in shown:
        job = state.job
        said = state.cause
        if progress and state.state == records.RUNNING and state.log:
            said = last_lines(state.log, 1).strip() or said
        table.add_row(
            str(job.index),
            job.task,
            job.variant,
            str(job.seed),
            Text(state.state, style=_COLOURS.get(state.state, "red")),
            state.slurm or "-",
            str(state.attempts),
            Text(said),
        )
    return table


def troubles(states: Sequence[JobState], console: Console) -> None:
    """Of each job that did not end well: its cause and the last lines that it said."""
    bad = [s for s in states if s.state not in (*ALIVE, records.COMPLETED)]
    for state in bad[:_ROWS]:
        _line(console, f"{state.state}: job {state.job.index}, {' '.join(state.job.overrides)}")
        if state.cause:
            _line(console, f"  {state.cause}")
        lines = last_lines(state.log, _LINES) if state.log else ""
        if not lines and state.record is not None and state.record.traceback:
            lines = "\n".join(state.record.traceback.splitlines()[-_LINES:])
        for line in lines.splitlines():
            _line(console, f"  | {line}")
    if len(bad) > _ROWS:
        _line(console, f"... and {len(bad) - _ROWS} more")


def summary_table(states: Sequence[JobState]) -> Table:
    """Mean and deviation over the seeds of what is otherwise the same."""
    rows: dict[tuple[str, ...], list[float]] = defaultdict(list)
    own = own_overrides([state.job for state in states])
    for state, overrides in zip(states, own, strict=True):
        run = state.record
        if run is None or run.status != records.COMPLETED:
            continue
        told = (run.paper, run.task, run.variant, run.scale, *([overrides] if any(own) else []))
        for metric, value in _figures(run).items():
            rows[(*told, metric)].append(value)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("paper", "task", "variant", "scale", *(["with"] if any(own) else []), "metric"):
        table.add_column(column, overflow="fold")
    for column in ("mean", "± std", "n"):
        table.add_column(column, justify="right")
    for key, values in rows.items():
        spread = f"{stdev(values):.3g}" if len(values) > 1 else "-"
        table.add_row(*key, f"{fmean(values):.4g}", spread, str(len(values)))
    return table


def _figures(run: Record) -> dict[str, float]:
    """What a run was for; of a composite its average, or its members' where one is missing."""
    for metric in (run.metric, "average"):
        if metric in run.metrics:
            return {metric: run.metrics[metric]}
    return run.metrics if run.facts.get("members") else {}


def write_results(sweep: Sweep, states: Sequence[JobState]) -> Path:
    """``results.csv`` in the sweep's folder: a row for each job, a column for each metric."""
    metrics = sorted({m for s in states if s.record for m in s.record.metrics})
    path = sweep.folder / RESULTS
    with replacing(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = ["job", "paper", "task", "variant", "scale", "seed", "overrides", "state", "folder"]
        writer.writerow([*head, *metrics])
        for state in states:
            job, run = state.job, state.record
            told = [job.index, job.paper, job.task, job.variant, job.scale, job.seed]
            values = [run.metrics.get(m, "") for m in metrics] if run else [""] * len(metrics)
            writer.writerow(
                [*told, " ".join(job.overrides), state.state, state.folder or "", *values]
            )
    return path


def other_commits(sweep: Sweep, states: Sequence[JobState]) -> list[str]:
    """Jobs that started with other code than the sweep was planned with."""
    return [
        f"job {s.job.index} ran commit {(s.record.provenance.get('commit') or '?')[:12]}, the "
        f"sweep was planned with {sweep.commit[:12]}"
        for s in states
        if s.record is not None
        and sweep.commit
        and s.job.index not in sweep.done
        and s.record.provenance.get("commit") not in (None, sweep.commit)
    ]


def live(sweep: Sweep, states: Sequence[JobState], answering: bool) -> Group:
    """What ``watch`` shows."""
    head = f"{sweep.name}: {tally(states)}"
    if not answering:
        head += "; the controller does not answer, jobs go on without it"
    return Group(Text(head), jobs_table(states, progress=True))


def end(sweep: Sweep, states: Sequence[JobState], console: Console) -> None:
    """What is shown when a sweep has ended."""
    troubles(states, console)
    console.print(summary_table(states))
    for line in other_commits(sweep, states):
        _line(console, line)
    _line(console, f"{len(states)} runs: {tally(states)}")
    if sweep.folder.exists():
        path = write_results(sweep, states)
        _line(console, f"recorded in {sweep.folder}, figures in {path.name}")


def _line(console: Console, text: str) -> None:
    console.print(f"  {text}", highlight=False, markup=False, soft_wrap=True)
