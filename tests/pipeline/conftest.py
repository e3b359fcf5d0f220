"""Repositories for the tests of DVC, in temporary folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from common.data.specs import RetrievalSpec
from tests.running import ROOT

PLANTED = "planted/18faa699ae909719"


class Repository:
    """A git repository with this one's DVC files; commands run in it, with its `common`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, status: int = 0) -> str:
        """Standard output of a command that must end with `status`."""
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(self.folder.parent / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(self.folder.parent / "system"),
            "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@example.org",
        }  # fmt: skip
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environment
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def dvc(self, *arguments: str, status: int = 0) -> str:
        """`dvc <arguments>`."""
        return self.run(sys.executable, "-m", "dvc", *arguments, status=status)

    def commit(self, message: str) -> None:
        """All that is not ignored."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def write(self, name: str, text: str) -> Path:
        """A file of the repository."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def repository(tmp_path) -> Repository:
    """The DVC files of this checkout, one set pinned (the planted keys), nothing prepared."""
    pytest.importorskip("dvc")
    made = Repository(tmp_path / "repository")
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml",
                 "params.yaml", ".dvc/plots/learning_curves.json"):  # fmt: skip
        made.write(name, (ROOT / name).read_text())
    outs = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"]
    (kept,) = (out for out in outs if out["path"] == f"data/{PLANTED}.npz")
    made.write("data.dvc", yaml.safe_dump({"outs": [kept]}, sort_keys=False))
    made.run("git", "init", "-q")
    made.commit("start")
    return made


@pytest.fixture
def clone(tmp_path) -> Repository:
    """The working tree of this checkout as git would commit it."""
    pytest.importorskip("dvc")
    made = Repository(tmp_path / "clone")
    made.folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, made.folder / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)
    made.run("git", "init", "-q")
    made.commit("start")
    return made


@pytest.fixture
def planted() -> RetrievalSpec:
    """The spec of the set that `repository` pins."""
    laptop = OmegaConf.load(ROOT / "conf" / "dataset" / "retrieval" / "laptop.yaml")
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RetrievalSpec), laptop))
