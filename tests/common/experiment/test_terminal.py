"""What a person at the terminal reads: the help page, the table, the lines of an epoch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from common.experiment import registry
from common.experiment.help import text
from common.experiment.lifecycle import Outcome
from common.experiment.record import Record
from common.experiment.summary import show
from tests.running import ROOT

HEAVY = ("torch", "hydra", "numpy", "omegaconf", "pytorch_lightning")


def test_help_names_papers_tasks_models_scales():
    page = text()
    for word in (*registry.papers(), *registry.tasks("s5_ptd"), *registry.models("s5_ptd")):
        assert word in page
    for scale in registry.scales():
        assert scale in page
    assert "lra (default)" in page
    assert all(len(line) <= 110 for line in page.splitlines())


def imported(*arguments):
    """Which heavy packages a command line loads."""
    code = (
        "import sys\nfrom common.experiment.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stopped:\n    status = stopped.code\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules], status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.splitlines()[-1]


def test_help_loads_nothing_heavy():
    assert imported("--help") == "LOADED [] 0"


def test_a_mistake_is_found_without_torch():
    assert imported("paper=nobody") == "LOADED ['hydra', 'omegaconf'] 2"
    assert "torch" not in imported("task=lra/listops", "--cfg", "job")


def outcome(**options):
    base = {"paper": "p", "task": "lra/text", "variant": "v", "scale": "laptop", "seed": 0}
    return Outcome(Path("outputs/p/lra/text/x"), Record(**(base | options)))


def shown(*outcomes, width=150):
    console = Console(width=width, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    show(console, list(outcomes), "title")
    return console.export_text()


def test_the_table_tells_measured_from_missing():
    table = shown(
        outcome(
            status="completed",
            metrics={"accuracy": 61.25},
            published=89.41,
            chance=50.0,
            data=[{"is_paper_data": False}],
            wall_seconds=75.0,
            notes=["selected on the test set"],
        ),
        outcome(status="not run", reason="IMDB is missing. Put it there."),
        outcome(status="completed", metrics={"seconds_per_step": 0.1}),
        outcome(status="diverged", reason="the loss is not finite"),
    )
    for words in ("61.25", "89.41", "50.00", "no", "1:15.0", "outputs/p/lra/text/x", "not run",
                  "not trained", "diverged", "IMDB is missing. Put it there.",
                  "selected on the test set", "the loss is not finite"):  # fmt: skip
        assert words in table


def test_a_narrow_terminal_lists_the_folders_below():
    table = shown(outcome(status="completed", metrics={"accuracy": 50.0}), width=80)
    assert "lra/text: recorded in outputs/p/lra/text/x" in table
