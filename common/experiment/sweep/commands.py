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
from common.experiment import record as records
from common.experiment.sweep import queue, report, store
from common.experiment.sweep.start import start
from common.experiment.sweep.states import States
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
    # First the mark: a job that is told to stop looks for it before it asks to be queued again.
    sweep.cancelled.touch()
    alive = [state for state in States(sweep).look() if state.alive]
    ids = [state.slurm for state in alive if state.slurm]
    preparing = [s.slurm for s in sweep.submissions() if not s.indices]
    try:
        ids += [name for name, job in queue.look(preparing).items() if job.alive] if ids else []
        queue.cancel(ids)
    except queue.NoAnswer as error:
        raise UserError(f"{error}. Not everything was cancelled; try again.") from error
    for state in alive:
        attempts = sweep.note(state.job.index).attempts
        if state.slurm is None and state.state == records.RUNNING and attempts:
            _stop(attempts[-1], console)
    console.print(f"  cancelled: {len(alive)} jobs", highlight=False)
    return 0


def _stop(attempt: dict, console: Console) -> None:
    if attempt["host"] != socket.gethostname():
        console.print(f"  a job runs on {attempt['host']}: cancel it there", highlight=False)
        return
    with suppress(ProcessLookupError):
        os.kill(attempt["pid"], signal.SIGTERM)


def _retry(sweep: Sweep, options: argparse.Namespace, console: Console) -> int:
    from common.experiment.launch import register

    register()
    # What diverged would diverge again.
    fine = (records.COMPLETED, records.DIVERGED)
    indices = [
        state.job.index
        for state in States(sweep).look()
        if not state.alive
        and state.state not in fine
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
