"""``python -m common.experiment sweeps``: look at sweeps and lead them, from any shell."""

from __future__ import annotations

import argparse
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from common.errors import UserError
from common.experiment import locks
from common.experiment import record as records
from common.experiment.sweep import queue, report, store
from common.experiment.sweep.profiles import SlurmProfile
from common.experiment.sweep.start import start
from common.experiment.sweep.states import HELD, JobState, States
from common.experiment.sweep.store import Sweep
from common.experiment.sweep.watch import follow


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit status.

    Raises:
        UserError: there is no such sweep.
    """
    options = _parser().parse_args(arguments)
    root, console = Path(options.output_root).resolve(), get_console()
    if options.command in (None, "list"):
        return _list(root, console)
    return _COMMANDS[options.command](store.find(root, options.sweep), options, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.experiment sweeps", description="Look at sweeps and lead them."
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--output-root", default=argparse.SUPPRESS, help="where the runs are (outputs)"
    )
    parser.add_argument("--output-root", default="outputs", help="where the runs are (outputs)")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("list", parents=[where], help="all sweeps and where their jobs stand")
    for name, text in (
        ("show", "every job of a sweep, its cause and last lines if it did not end well"),
        ("watch", "follow a sweep until its last job has ended"),
        ("collect", "what the jobs measured, as a table and as results.csv"),
        ("cancel", "end the jobs that run or wait"),
        ("retry", "run the jobs again that did not end well"),
    ):
        command = commands.add_parser(name, parents=[where], help=text)
        command.add_argument(
            "sweep", nargs="?", help="its name or how it begins; the newest if none is given"
        )
        if name == "retry":
            command.add_argument(
                "--failed",
                action="store_true",
                help="only those that failed, not those that were cut short or never started",
            )
    return parser


def _list(root: Path, console: Console) -> int:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("sweep", "where", "jobs", "stand", "command"):
        table.add_column(column, no_wrap=column == "sweep", overflow="fold")
    for folder in store.folders(root):
        try:
            sweep = Sweep.read(folder)
        except UserError as error:
            table.add_row(folder.name, "-", "-", str(error), "")
            continue
        states = States(sweep).look()
        where = sweep.profile.kind
        table.add_row(sweep.name, where, str(len(states)), report.tally(states), sweep.command)
    console.print(table)
    return 0


def _show(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    states = States(sweep).look()
    console.print(f"  {sweep.command}", highlight=False, markup=False, soft_wrap=True)
    console.print(report.jobs_table(states))
    report.troubles(states, console)
    for line in report.other_commits(sweep, states):
        console.print(f"  {line}", highlight=False)
    console.print(f"  {len(states)} runs: {report.tally(states)}", highlight=False)
    return 0


def _watch(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    return follow(sweep, console)


def _collect(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    report.end(sweep, States(sweep).look(), console)
    return 0


def _cancel(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    alive = [state for state in States(sweep).look() if state.alive or state.state == HELD]
    # First the mark: a job that is told to stop looks for it before it asks to be queued again.
    sweep.cancelled.touch()
    if isinstance(sweep.profile, SlurmProfile):
        try:
            queue.cancel(sweep.slurm_name)
        except queue.NoAnswer as error:
            raise UserError(f"{error}. Nothing was cancelled; try again.") from error
    told = [state for state in alive if _told(sweep, state, console)]
    console.print(f"  cancelled: {len(told)} jobs", highlight=False)
    return 0


def _told(sweep: Sweep, state: JobState, console: Console) -> bool:
    """Tell the process of a job to stop; whether it, or its scheduler, has been told."""
    if state.state != records.RUNNING:
        return True  # the mark suffices
    attempts = sweep.note(state.job.index).attempts
    if not attempts:
        return state.slurm is not None
    last = attempts[-1]
    if not locks.is_held_by(sweep.lock(state.job), last["host"], last["pid"]):
        console.print(f"  job {state.job.index} is run by another command", highlight=False)
        return False
    if last["slurm"] is not None:
        return True
    if last["host"] != socket.gethostname():
        console.print(f"  job {state.job.index} runs on {last['host']}: cancel it there")
        return False
    with suppress(ProcessLookupError):
        os.kill(last["pid"], signal.SIGTERM)
    return True


def _retry(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    from common.experiment.registration import register

    register()
    # What diverged would diverge again.
    fine = (records.COMPLETED, records.DIVERGED)
    indices = [
        state.job.index
        for state in States(sweep).look()
        if not state.alive
        and state.state not in (*fine, HELD)
        and (state.state == records.FAILED or not options.failed)
    ]
    if not indices:
        console.print("  There is nothing to run again.")
        return 0
    return start(sweep, indices, console)


_COMMANDS = {
    "show": _show,
    "watch": _watch,
    "collect": _collect,
    "cancel": _cancel,
    "retry": _retry,
}
