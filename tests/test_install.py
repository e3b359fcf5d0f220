"""An installed copy, used from another folder, works as well as the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel of the working tree, installed beside nothing else."""
    work = tmp_path_factory.mktemp("install")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    source, wheels, target = work / "source", work / "wheels", work / "site"
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*pip, "wheel", str(source), "--no-deps", "-w", str(wheels)], check=True)
    (wheel,) = wheels.glob("structlab-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


def run(installed, folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "common.experiment", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_a_paper_runs_from_anywhere(installed, tmp_path):
    done = run(installed, tmp_path, "task=lra/listops", "scale=smoke", "trainer.threads=1")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("outputs/s5_ptd/lra/listops/*/record.json"))) == 1


@pytest.mark.slow
def test_help_lists_the_same(installed, tmp_path):
    done = run(installed, tmp_path, "--help")
    checkout = subprocess.run(
        [sys.executable, "run.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == checkout.stdout
    assert "s5_ptd" in done.stdout


@pytest.mark.slow
def test_claims_travel_along(installed):
    assert (installed / "papers" / "s5_ptd" / "claims.yaml").is_file()
