"""What makes a plan or a verdict be made anew."""

from __future__ import annotations

import shutil

import pytest

from common.experiment import paths
from common.ledger import fingerprint


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small one, with two papers."""
    for name in (
        "conf/config.yaml",
        "common/kernels/scan.py",
        "common/data/specs/text.py",
        "common/data/pins.py",
        "common/trainers/schema.py",
        "common/experiment/identity.py",
        "common/experiment/launch.py",
        "common/ledger/plan.py",
        "common/ledger/evaluate.py",
        "papers/a/schema.py",
        "papers/a/configs/recipe/a/lra.yaml",
        "papers/b/configs/recipe/b/lra.yaml",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("before")
    for module in (fingerprint, paths):
        monkeypatch.setattr(module, "COMMON", tmp_path / "common")
        monkeypatch.setattr(module, "PAPERS", tmp_path / "papers")
    monkeypatch.setattr(fingerprint, "conf_folder", lambda: tmp_path / "conf")
    forget()
    yield tmp_path
    forget()


def forget():
    """As a new process."""
    for taken_once in (
        fingerprint.of_packages,
        fingerprint.of_recipes,
        fingerprint.of_judge,
        fingerprint._of_shared_recipes,
    ):
        taken_once.cache_clear()
    fingerprint._REMEMBERED.clear()


@pytest.mark.parametrize(
    ("name", "of_plan", "of_judge"),
    [
        ("conf/config.yaml", True, False),
        ("common/data/specs/text.py", True, False),
        ("common/trainers/schema.py", True, False),
        ("common/experiment/identity.py", True, True),
        ("common/experiment/launch.py", False, True),
        ("common/ledger/plan.py", True, True),
        ("common/ledger/evaluate.py", False, True),
        ("common/data/pins.py", False, True),
        ("common/kernels/scan.py", False, False),
        ("papers/a/schema.py", True, False),
        ("papers/a/configs/recipe/a/lra.yaml", True, False),
        ("papers/b/configs/recipe/b/lra.yaml", False, False),
    ],
)
def test_which_edit_concerns_what(checkout, name, of_plan, of_judge):
    before = fingerprint.of_recipes("a"), fingerprint.of_judge()
    (checkout / name).write_text("after")
    forget()
    assert (fingerprint.of_recipes("a") != before[0]) == of_plan
    assert (fingerprint.of_judge() != before[1]) == of_judge


@pytest.mark.parametrize("paper", ["a", "b"])
def test_a_renamed_folder_of_options_concerns_every_plan(checkout, paper):
    before = fingerprint.of_recipes("a")
    folder = checkout / "papers" / paper / "configs"
    shutil.move(folder / "recipe", folder / "receipt")
    forget()
    assert fingerprint.of_recipes("a") != before


def test_an_edit_since_the_digests_were_taken_is_noticed(checkout):
    file = checkout / "papers/a/schema.py"
    fingerprint.of_recipes("a")
    assert fingerprint.unchanged("a")
    file.write_text("during")
    assert not fingerprint.unchanged("a")
    file.write_text("before")  # and back: it may have been read in between
    assert not fingerprint.unchanged("a")
    forget()
    assert fingerprint.unchanged("a")


def test_compiled_files_and_other_papers_do_not_count(checkout):
    before = fingerprint.of_packages(checkout / "common")
    fingerprint.of_recipes("a")
    (checkout / "common/kernels/scan.pyc").write_bytes(b"compiled")
    (checkout / "papers/b/schema.py").write_text("new")
    assert fingerprint.unchanged("a")
    forget()
    assert fingerprint.of_packages(checkout / "common") == before
