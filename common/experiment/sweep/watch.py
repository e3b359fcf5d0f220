"""Follow a sweep that others run; it goes on whether somebody watches or not."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live

from common.experiment import record as records
from common.experiment.sweep import report, store
from common.experiment.sweep.profiles import SlurmProfile
from common.experiment.sweep.states import States
from common.experiment.sweep.store import Sweep

_POLL_SECONDS = 2.0


def follow(sweep: Sweep, console: Console) -> int:
    """Wait until every job has ended, showing how they get on; returns the exit status.

    Raises:
        KeyboardInterrupt: on Ctrl-C, once it is said that the jobs go on.
    """
    poll = sweep.profile.poll if isinstance(sweep.profile, SlurmProfile) else _POLL_SECONDS
    looking = States(sweep)
    try:
        states = looking.look()
        said = ""
        with Live(console=console, auto_refresh=False, transient=True) as screen:
            while any(state.alive for state in states):
                if console.is_terminal:
                    screen.update(report.live(sweep, states, looking.answering), refresh=True)
                elif (now := report.tally(states)) != said:
                    said = now
                    console.print(f"  {said}", highlight=False)
                time.sleep(poll)
                states = looking.look()
    except KeyboardInterrupt:
        console.print(
            f"\n  The jobs go on. `{store.command('watch', sweep)}` follows them again, "
            "`sweeps cancel` ends them.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        raise
    report.end(sweep, states, console)
    return 0 if all(state.state == records.COMPLETED for state in states) else 1
