"""Claims' runs on a cluster."""

from __future__ import annotations

import subprocess
import sys

import pytest

from common.experiment.sweep import store
from tests.running import ROOT
from tests.slurm.sweeps import environment

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]


def test_a_claim_is_measured_on_the_cluster(tmp_path):
    """In a clone, whose results it writes."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    command = [sys.executable, "-m", "common.ledger", "run", "hippo", "--claim", "H5"]
    options = ["hydra.launcher.cpus=1", "hydra.launcher.poll=1", "hydra.launcher.partition=main"]
    for option in options:
        command += ["--launcher-option", option]
    (clone / "results" / "runs" / "hippo.json").unlink()  # so that there is something to measure
    done = subprocess.run(
        [*command, "--launcher", "slurm"],
        cwd=clone,
        env=environment() | {"PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "jobs queued as" in done.stdout
    sweep = store.find(clone / "outputs", None)
    assert all(sweep.note(job.index).attempts[0]["slurm"] for job in sweep.jobs)
    said = subprocess.run(
        [sys.executable, "-m", "common.ledger", "explain", "hippo", "H5"],
        cwd=clone,
        env=environment() | {"PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "holds" in said.stdout
