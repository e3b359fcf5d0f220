"""A real SLURM for these tests: the one that is there, or one that is started for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.slurm.sweeps import LONG, result_of

SCRIPT = ROOT / "slurm" / "dev-cluster"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[None]:
    """Two pretended nodes, partitions main and high; started if it can be."""
    pytest.importorskip("submitit", reason="needs the extra cluster")
    if _usable():
        yield
        return
    if os.geteuid() != 0 or shutil.which("slurmctld") is None:
        pytest.skip("a cluster can only be started by root, with SLURM's daemons installed")
    subprocess.run([SCRIPT, "start", "--cpus", "4", "--nodes", "2"], check=True)
    line = subprocess.run([SCRIPT, "env"], check=True, capture_output=True, text=True).stdout
    os.environ["SLURM_CONF"] = line.strip().partition("=")[2]
    yield
    subprocess.run([SCRIPT, "stop"], check=True)


def _usable() -> bool:
    """Whether commands reach the cluster of ``slurm/dev-cluster``: tests drain its nodes."""
    if shutil.which("scontrol") is None:
        return False
    command = ["scontrol", "show", "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    settings = {tuple(line.replace(" ", "").split("=", 1)) for line in done.stdout.splitlines()}
    return done.returncode == 0 and ("ClusterName", "dev") in settings


@pytest.fixture(scope="session")
def straight(tmp_path_factory, cluster) -> dict:
    """What the long run comes to if nothing disturbs it."""
    folder: Path = tmp_path_factory.mktemp("straight")
    return result_of(LONG, folder)
