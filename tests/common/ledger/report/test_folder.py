"""The report's folder: replaced whole or not at all, and never one that is somebody else's."""

from pathlib import Path

import pytest

from common.errors import UserError
from common.ledger.report.folder import MARKER, replacing_folder, write


def fill(target, **files):
    with replacing_folder(target) as folder:
        for name, text in files.items():
            write(folder / name, bytes(text, "utf-8"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_there_is_gone(tmp_path):
    target = tmp_path / "deep" / "report"
    fill(target, a="1", b="2")
    fill(target, b="3")
    assert names(target) == [MARKER, "b"]
    assert (target / "b").read_text() == "3"
    assert names(target.parent) == ["report"]


def test_a_reader_never_sees_half_of_it(tmp_path):
    target = tmp_path / "report"
    fill(target, a="1")
    with replacing_folder(target) as folder:
        write(folder / "a", b"2")
        assert (target / "a").read_text() == "1"
    assert (target / "a").read_text() == "2"


def test_a_failure_leaves_all_as_it_was(tmp_path):
    target = tmp_path / "report"
    fill(target, a="1")
    with pytest.raises(TypeError):
        fill(target, a="2", b=3)
    assert (target / "a").read_text() == "1"
    assert names(tmp_path) == ["report"]


def test_a_failed_swap_puts_the_former_back(tmp_path, monkeypatch):
    target = tmp_path / "report"
    fill(target, a="1")
    rename = Path.rename

    def refuse(self, to):
        if self.suffix == ".tmp":
            raise OSError("no")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no"):
        fill(target, a="2")
    assert (target / "a").read_text() == "1"
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_it_did_not_write_it_leaves(tmp_path, kind):
    target = tmp_path / "mine"
    if kind == "folder":
        target.mkdir()
        (target / "thesis.tex").write_text("years of work")
    else:
        target.write_text("years of work")
    with pytest.raises(UserError, match=r"mine is there and was not written by .* --to"):
        fill(target, a="1")
    assert names(tmp_path) == ["mine"]
    assert kind == "file" or names(target) == ["thesis.tex"]


def test_what_appears_meanwhile_is_left_too(tmp_path):
    target = tmp_path / "report"

    def written_by_another():
        with replacing_folder(target):
            target.mkdir()
            (target / "mine").write_text("")

    with pytest.raises(UserError, match="was not written"):
        written_by_another()
    assert names(target) == ["mine"]
    assert names(tmp_path) == ["report"]


def test_an_empty_folder_is_taken(tmp_path):
    fill(tmp_path / "report", a="1")
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", a="1")
    assert names(tmp_path / "empty") == [MARKER, "a"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "report"
    link.symlink_to(tmp_path / "real")
    fill(link, a="1")
    assert link.is_symlink()
    assert names(tmp_path / "real") == [MARKER, "a"]
