"""Starting what is missing: a stand-in for the real command records what it is told to."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from common.ledger import commands, fingerprint, runner
from common.ledger import update as update_module
from common.ledger.__main__ import main
from common.ledger.collect import find
from common.ledger.freshness import Present
from tests.common.ledger.conftest import CODE
from tests.running import ROOT

STAND_IN = """
import json, os, sys, time
from pathlib import Path
from common.experiment.record import Record
given = dict(a.split("=", 1) for a in sys.argv[1:])
if given["seed"] == os.environ.get("FAILS_AT"):
    sys.exit("planted failure")
if os.environ.get("HANGS"):
    Path(os.environ["HANGS"]).touch()
    time.sleep(60)
known = json.loads(Path(__file__).with_name("known.json").read_text())
variant = given.get("model", "closed_form")
digest = known["hashes"]["/".join([given["task"], variant, given["scale"], given["seed"]])]
folder = Path(given["output_root"], given["paper"], given["task"], f"{digest}-{time.time_ns()}")
folder.mkdir(parents=True)
seed = int(given["seed"])
metrics = {"accuracy": 40.0 + seed, "scan_error": 0.0, "baseline_majority": 11.0, "steps": 9.0}
Record(
    given["paper"], given["task"], variant, given["scale"], seed, "completed", metrics=metrics,
    config_hash=digest, code=known["code"], overrides=sys.argv[1:], started=str(time.time_ns()),
).write(folder)
"""


@pytest.fixture
def stand_in(tmp_path, planned, monkeypatch):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    hashes = {"/".join(map(str, key)): digest for key, digest in planned.expected.items()}
    script.with_name("known.json").write_text(json.dumps({"hashes": hashes, "code": CODE}))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(runner, "COMMAND", (sys.executable, str(script)))
    return script


def completed(folders):
    return len(find(folders.outputs, "s5_ptd").completed)


def test_runs_what_is_missing_goes_on_after_a_failure_and_resumes(
    folders, stand_in, capsys, monkeypatch
):
    monkeypatch.setenv("FAILS_AT", "1")
    assert main(["run", "s5_ptd"], folders) == 1
    printed = capsys.readouterr().out
    assert "7 runs, 7 to do" in printed
    assert "planted failure" in printed
    assert "5 runs completed, 2 did not" in printed
    assert completed(folders) == 5
    verdicts = json.loads(folders.summary("s5_ptd").read_text())["verdicts"]
    assert verdicts["laptop"] == {"A": "holds", "B": "not run"}
    monkeypatch.delenv("FAILS_AT")
    assert main(["run", "s5_ptd", "--jobs", "1"], folders) == 0
    assert "7 runs, 2 to do" in capsys.readouterr().out
    assert completed(folders) == 7
    # The rows in git are enough: nothing is run again in a fresh clone.
    folders.outputs.rename(folders.outputs.with_name("gone"))
    assert main(["run", "s5_ptd"], folders) == 0
    assert "7 runs, 0 to do" in capsys.readouterr().out


def test_one_claim_and_a_dry_run(folders, stand_in, capsys):
    arguments = ["run", "s5_ptd", "--claim", "A"]
    assert main([*arguments, "--dry-run", "--threads", "3"], folders) == 0
    assert (
        "paper=s5_ptd task=layer_equivalence scale=laptop seed=0 trainer.threads=3 output_root="
        in capsys.readouterr().out
    )
    assert completed(folders) == 0
    assert main(arguments, folders) == 0
    assert completed(folders) == 1


def test_runs_can_be_sent_to_a_launcher(folders, capsys):
    sent = ["run", "s5_ptd", "--claim", "A", "--dry-run", "--launcher"]
    assert main([*sent, "local"], folders) == 0
    assert "1 jobs: 1 run" in capsys.readouterr().out
    assert main([*sent, "nowhere"], folders) == 2
    assert "Allowed: basic, local, slurm" in capsys.readouterr().err
    assert main([*sent, "local", "--launcher-option", "hydra.launcher.threads=0"], folders) == 2
    assert "threads=0 is out of range" in capsys.readouterr().err
    assert main([*sent, "local", "--launcher-option", "train.epochs=1"], folders) == 2
    assert "train.epochs=1 is none of the launcher's" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_in_its_folder(folders, put, make_record, planned):
    folder = put(make_record("lra/image", "s5", 1, {}, status="interrupted"), "cut")
    found = find(folders.outputs, "s5_ptd")
    lines = {
        run.key: runner.command(run, found, 1, folders.outputs, Present())
        for run in planned.unique_runs("laptop")
    }
    assert lines["lra/image", "s5", "laptop", 1][-1] == f"resume={folder}"
    assert not any("resume" in part for part in lines["lra/image", "s5", "laptop", 0])
    # Under other code half a run is of no use.
    (cut,) = [
        run for run in planned.unique_runs("laptop") if run.key == ("lra/image", "s5", "laptop", 1)
    ]
    other = Present(digest=lambda module: "e" * 12)
    assert "resume" not in runner.command(cut, found, 1, folders.outputs, other)[-1]


def test_a_change_of_code_is_run_again(folders, stand_in, capsys, monkeypatch):
    assert main(["run", "s5_ptd", "--claim", "A"], folders) == 0
    assert main(["status"], folders) == 0
    known = json.loads(stand_in.with_name("known.json").read_text())
    known["code"] = {"common.errors": "e" * 12}
    stand_in.with_name("known.json").write_text(json.dumps(known))
    monkeypatch.setattr(commands, "present", lambda pins: Present(digest=lambda m: "e" * 12))
    monkeypatch.setattr(update_module, "present", lambda pins: Present(digest=lambda m: "e" * 12))
    monkeypatch.setattr(fingerprint, "of_packages", lambda package: {})
    assert main(["status"], folders) == 1
    assert "s5_ptd A stale: code common.errors" in capsys.readouterr().out
    # What was never run is not stale.
    assert main(["run", "s5_ptd", "--only-stale"], folders) == 0
    assert "7 runs, 1 to do" in capsys.readouterr().out
    assert main(["status"], folders) == 0
    assert completed(folders) == 2


def test_sigterm_stops_the_runs_and_exits_130(folders, stand_in, tmp_path):
    started = tmp_path / "started"
    program = f"""
import sys
from pathlib import Path
from common.ledger import runner
from common.ledger.__main__ import main
from common.ledger.folders import Folders
runner.COMMAND = (sys.executable, {str(stand_in)!r})
places = Folders(*map(Path, {[str(folders.papers), str(folders.results), str(folders.outputs)]}))
sys.exit(main(["run", "s5_ptd", "--claim", "A"], places))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT), "HANGS": str(started)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on from here" in said


@pytest.mark.slow
def test_the_real_command(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main(["run", "s5_ptd", "--claim", "A"], folders) == 0
    assert completed(folders) == 1
    verdicts = json.loads(folders.summary("s5_ptd").read_text())["verdicts"]
    assert verdicts["laptop"]["A"] == "holds"
