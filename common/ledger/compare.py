"""``python -m common.ledger compare <name>``: run what a comparison lacks, time it, write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from common.atomic import write_text
from common.errors import UserError
from common.figures import require_matplotlib
from common.ledger import comparison as table
from common.ledger import scatter, trade_off
from common.ledger.cluster import send
from common.ledger.collect import find
from common.ledger.comparison import Comparison
from common.ledger.folders import Folders
from common.ledger.planned_run import PlannedRun
from common.ledger.readme import begin, fill
from common.ledger.runner import missing, run_all, run_apart
from common.ledger.runs import Key, read_runs
from common.ledger.scatter import Scatter
from common.ledger.trade_off import TradeOff
from common.ledger.update import present, update

TIMED_STEPS = 30


def compare(
    name: str,
    folders: Folders,
    *,
    run: bool,
    time: bool,
    jobs: int,
    threads: int,
    launcher: str | None = None,
    launcher_options: Sequence[str] = (),
) -> tuple[Path, bool]:
    """Bring a comparison up to date; returns its page and whether a run failed.

    Args:
        name: of the comparison.
        folders: of the checkout.
        run: run what it lacks.
        time: time a step of each model.
        jobs: runs at a time.
        threads: of a run.
        launcher: option of ``hydra/launcher`` that runs them as a sweep in place of jobs here.
        launcher_options: more overrides, of the launcher.

    Raises:
        UserError: there is no such comparison, a run does not compose, a timed run failed, an
            option would be of no effect, or figures cannot be drawn here.
    """
    path = folders.comparison(name)
    spec = table.read(path)
    drawn = trade_off if isinstance(spec, TradeOff) else scatter
    timed = isinstance(spec, Comparison)
    if time and not timed:
        raise UserError(f"--time: {name} compares sizes, whose table has no times.")
    if launcher is not None and not run:
        raise UserError(f"--launcher {launcher} sends the runs that --run asks for; give both.")
    if not timed:
        require_matplotlib()  # before hours of runs, not after them
    cells = (table if timed else drawn).runs(spec, str(path))
    console = Console()
    failed = False
    if run and launcher is not None:
        wanted = [one for of_cell in cells.values() for one in of_cell]
        failed = bool(send(wanted, launcher, launcher_options, folders.outputs, console))
    elif run and isinstance(spec, Scatter):
        for _ in range(2):  # which rate is the best is known after the first
            rows = {paper: read_runs(folders.runs(paper)).rows for paper in spec.papers}
            todo = [scatter.wanted(spec, cells, rows)]
            failed = bool(_run_missing(spec, todo, folders, jobs, threads, console)) or failed
            _collect(spec, cells, folders)
    elif run:
        failed = bool(_run_missing(spec, cells.values(), folders, jobs, threads, console))
    _collect(spec, cells, folders)
    if time:
        times = _timed(spec, cells, threads, console)
        write_text(folders.comparison_times(name), table.times_csv(times))
    rows = {paper: read_runs(folders.runs(paper)).rows for paper in spec.papers}
    if timed:
        times = table.read_times(folders.comparison_times(name))
        text = table.page(spec, cells, rows, times, name, present(folders.pins))
    else:
        points = drawn.points(spec, cells, rows)
        drawn.draw(spec, points, folders.results / "figures" / name)
        text = drawn.page(spec, points, name, present(folders.pins))
    page = folders.comparison_page(name)
    write_text(page, f"{text}\n")
    part = f"comparison:{name}"
    readme = folders.root_readme
    if readme.is_file() and begin(part) in readme.read_text():
        fill(readme, text.partition("\n")[2], part)  # without its title
    return page, failed


def _collect(spec, cells: Mapping[Any, Sequence[PlannedRun]], folders: Folders) -> None:
    """Into the papers' results: runs that no claim asks for count as those of a comparison."""
    wanted: dict[str, dict[Key, str]] = {paper: {} for paper in spec.papers}
    for of_cell in cells.values():
        for run in of_cell:
            wanted[run.paper][run.key] = run.config_hash
    for paper, of_paper in wanted.items():
        update(paper, folders, also=of_paper)


def _run_missing(spec, cells: Iterable[Sequence[PlannedRun]], folders, jobs, threads, console):
    wanted = [run for of_cell in cells for run in of_cell]
    failed = []
    for paper in spec.papers:
        found = find(folders.outputs, paper)
        of_paper = [run for run in wanted if run.paper == paper]
        now = present(folders.pins)
        todo = missing(of_paper, read_runs(folders.runs(paper)).rows, found, now)
        console.print(f"{paper}: {len(of_paper)} runs, {len(todo)} missing")
        ended = run_all(
            todo,
            found,
            jobs=jobs,
            threads=threads,
            outputs=folders.outputs,
            console=console,
            present=now,
        )
        failed += [e for e in ended if e.status != 0]
    return failed


def _timed(spec: Comparison, cells, threads: int, console: Console) -> dict[str, float]:
    """Milliseconds of a training step of each row, one run after the other."""
    times = {}
    for row in spec.rows:
        run = cells[row, spec.size_of][0]
        short = PlannedRun(
            run.paper,
            run.task,
            run.variant,
            run.scale,
            run.seed,
            (*run.overrides, f"trainer.max_steps={TIMED_STEPS}"),
            "",
        )
        record = run_apart(short, threads, console)
        times[row.label] = 1e3 * record.metrics["seconds_per_step"]
    return times
