"""What ``ledger status`` costs when the house is full: 43 papers, 12 claims each.

``python -m benchmarks.ledger_status``: a minute or two. Records, claims, composed plans and results
are generated in a temporary folder; the command runs in a process of its own: with nothing read
before, again, with one new record, and after an edit of what all papers share.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common.experiment import sources
from common.experiment.record import Record
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import PlannedRun
from common.ledger.update import update

PAPERS, CLAIMS, SEEDS, ATTEMPTS = 43, 12, 5, 2
VARIANTS = ("ours", "theirs")
ROOTS = ("papers.s5_ptd.tasks.classify", "common.data.listops.dataset", *sources.ALWAYS)

CLAIM = """
  - id: C{number}
    kind: claim
    statement: Ours is better than theirs on task {number}
    source: Table {number}
    reported: {{value: 90, unit: "%"}}
    checks:
      laptop:
        runs:
          - task: task{number}
            overrides: ["model={{model}}"]
            seeds: [0, 1, 2, 3, 4]
            for_each: {{model: [ours, theirs]}}
        relation:
          all:
            - difference: [task{number}/ours/accuracy, task{number}/theirs/accuracy]
              lies_above: 0
            - {{metric: task{number}/ours/accuracy, at_least: 80}}
        report: {{steps: task{number}/ours/steps}}
        equal: [steps, parameters]
"""


def main() -> None:
    """Generate, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        places = generate(Path(folder))
        records = sum(1 for _ in places.outputs.rglob("record.json"))
        print(f"{PAPERS} papers x {CLAIMS} claims, {records} records")
        for name in ("nothing read before", "again"):
            say(name, places)
        write_record("p00", 0, "ours", 0, places.outputs / "p00" / "new", "2027")
        say("one new record", places)
        shutil.rmtree(places.kept / "standing")
        say("every paper judged anew", places)


def say(name: str, places: Folders) -> None:
    """Measure and print."""
    seconds, megabytes = status(places)
    print(f"{name}: {seconds:.2f} s, {megabytes:.0f} MB")


def generate(root: Path) -> Folders:
    """A checkout of generated papers."""
    places = Folders(root / "papers", root / "results", root / "outputs", pins=root / "data.dvc")
    for number in range(PAPERS):
        paper = f"p{number:02d}"
        claims = places.claims(paper)
        claims.parent.mkdir(parents=True)
        claims.write_text("claims:" + "".join(CLAIM.format(number=n) for n in range(CLAIMS)))
        runs = {(f"C{n}", "laptop"): tuple(planned(paper, n)) for n in range(CLAIMS)}
        KeptPlan.of(paper, places).write(paper, runs)
        for run in (run for of_claim in runs.values() for run in of_claim):
            for attempt in range(ATTEMPTS):
                task = int(run.task.removeprefix("task"))
                place = places.outputs / paper / run.task / f"{run.config_hash}-{attempt}"
                write_record(paper, task, run.variant, run.seed, place, f"2026-{attempt}")
        update(paper, places)
        (places.kept / "records" / f"{paper}.json").unlink()
    return places


def planned(paper: str, task: int) -> list[PlannedRun]:
    """The runs of one claim."""
    return [
        PlannedRun(
            paper, f"task{task}", v, "laptop", seed, (f"model={v}",), f"{paper}{task}{v}{seed}"
        )
        for v in VARIANTS
        for seed in range(SEEDS)
    ]


CODE = sources.digests(sources.reached(ROOTS))


def write_record(paper: str, task: int, variant: str, seed: int, place: Path, started: str) -> None:
    """One completed run with a record of the usual size."""
    place.mkdir(parents=True)
    metrics = {f"metric_{i}": i + 0.1 * seed for i in range(10)}
    metrics |= {"accuracy": 90.0 + seed + (variant == "ours"), "steps": 9.0, "parameters": 9.0}
    Record(
        paper,
        f"task{task}",
        variant,
        "laptop",
        seed,
        "completed",
        metrics=metrics,
        code=CODE,
        curves={"val_score": [float(i) for i in range(10)]},
        config={f"key_{i}": i for i in range(60)},
        config_hash=f"{paper}{task}{variant}{seed}",
        provenance={"commit": "a" * 40, "dirty": False, "threads": 1, "cpu": "a processor"},
        started=started,
        wall_seconds=30.0,
    ).write(place)


def status(places: Folders) -> tuple[float, float]:
    """Wall seconds and peak megabytes of one call."""
    given = [str(p) for p in (places.papers, places.results, places.outputs, places.pins)]
    # VmHWM where there is one: ru_maxrss of a new process starts from that of its parent.
    program = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from common.ledger.__main__ import main\nfrom common.ledger.folders import Folders\n"
        f"a, b, c, d = map(Path, {given})\nmain(['status'], Folders(a, b, c, pins=d))\n"
        "known = Path('/proc/self/status')\n"
        "if known.is_file():\n"
        "    peak = known.read_text().partition('VmHWM:')[2].split()[0]\n"
        "else:\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "print(peak, file=sys.stderr)"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - begin
    return seconds, int(done.stderr.split()[-1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
