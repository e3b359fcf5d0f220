"""What is kept between calls."""

from __future__ import annotations

import pytest

from common.ledger.kept import Kept

CONTENT = {"a": [1, 2.5, "x"], "b": None}


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "folder" / "kept.json")


def test_it_reads_back_under_its_digest_only(kept):
    assert kept.read("x") is None
    kept.write("x", CONTENT)
    assert kept.read("x") == CONTENT
    assert kept.read("y") is None


@pytest.mark.parametrize("change", [("2.5", "9.5"), ('["x"', '["y"'), ("\n", ""), ("}", "")])
def test_a_file_changed_by_hand_is_not_read(kept, change):
    kept.write("x", CONTENT)
    text = kept.path.read_text()
    kept.path.write_text(text.replace(*change))
    assert kept.path.read_text() != text
    assert kept.read("x") is None


def test_a_place_that_takes_no_file_only_costs_time(tmp_path):
    (tmp_path / "file").write_text("")
    kept = Kept(tmp_path / "file" / "kept.json")
    kept.write("x", CONTENT)
    assert kept.read("x") is None
