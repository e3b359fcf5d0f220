"""What status remembers, and what makes it judge anew."""

from dataclasses import replace

import pytest

from common.experiment import sources
from common.ledger import fingerprint, standing, update
from common.ledger.__main__ import main
from common.ledger.standing import Standing

LAYER = "papers.s5_ptd.tasks.layer"


@pytest.fixture
def judged(folders, monkeypatch):
    """The calls that looked at claims and runs, one entry each."""
    calls, look = [], update.look

    def counting(*given):
        calls.append(given)
        return look(*given)

    monkeypatch.setattr(update, "look", counting)
    return calls


@pytest.fixture
def source(tmp_path, monkeypatch, put, make_record):
    """A source file, which a run went through."""
    monkeypatch.setitem(sources.PACKAGES, "papers", tmp_path / "source")
    file = tmp_path / "source/s5_ptd/tasks/layer.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n")
    code = {LAYER: sources.digest(LAYER)}
    metrics = {"scan_error": 2e-15}
    put(make_record("layer_equivalence", "closed_form", 0, metrics, code=code), "layer")
    return file


def look(folders) -> Standing:
    """As a new process would see it."""
    for taken_once in (fingerprint.of_packages, fingerprint.of_recipes, sources.digest):
        taken_once.cache_clear()
    fingerprint._REMEMBERED.clear()
    return standing.standing("s5_ptd", "laptop", folders)


def test_what_was_judged_is_not_judged_again(folders, put_all, judged):
    put_all()
    first = look(folders)
    assert look(folders) == first
    assert len(judged) == 1
    assert first.verdicts == {"A": "holds", "B": "unresolved"}
    assert first.why == {"B": "S5-PTD is not worse than S5"}
    assert first.in_order


def test_each_scale_is_remembered_for_itself(folders, put_all):
    put_all()
    assert look(folders).verdicts
    assert standing.standing("s5_ptd", "paper", folders).verdicts == {"B": "not run"}
    assert standing.standing("s5_ptd", "smoke", folders).verdicts == {}


def test_a_new_record_is_seen(folders, put_all, put, make_record, judged):
    look(folders)
    put_all(ptd=(30, 31, 32))
    assert look(folders).verdicts["B"] == "fails"
    put(make_record("lra/image", "s5", 7, {}, status="failed", reason="planted"), "another")
    look(folders)
    assert len(judged) == 3


def test_a_record_written_anew_or_gone_is_seen(folders, put_all, put, make_record):
    put_all()
    look(folders)
    metrics = {"scan_error": 1.0, "steps": 9.0}
    folder = put(make_record("layer_equivalence", "closed_form", 0, metrics, started="2027"), "a")
    assert look(folders).verdicts["A"] == "fails"
    (folder / "record.json").unlink()
    assert look(folders).verdicts["A"] == "holds"


def test_other_claims_are_seen(folders, put_all):
    put_all()
    look(folders)
    claims = folders.claims("s5_ptd")
    claims.write_text(claims.read_text().replace("at_most: 1.0e-9", "at_most: 1.0e-30"))
    assert look(folders).verdicts["A"] == "fails"


def test_a_figure_changed_by_hand_is_seen(folders, put_all):
    put_all()
    main(["check"], folders)
    assert not look(folders).altered
    means = folders.summary("s5_ptd")
    means.write_text(means.read_text().replace('"mean": 41.0', '"mean": 91.0'))
    assert look(folders).altered
    assert not look(folders).in_order


def test_other_source_is_seen(folders, source, judged):
    assert look(folders).verdicts["A"] == "holds"
    source.write_text("x = 2\n")
    assert look(folders).verdicts["A"] == "stale"
    text = source.read_text()
    source.unlink()
    assert look(folders).verdicts["A"] == "stale"
    source.parent.rmdir()
    assert look(folders).verdicts["A"] == "stale"
    source.parent.mkdir()
    source.write_text(text.replace("2", "1"))
    assert look(folders).verdicts["A"] == "holds"
    assert len(judged) == 5


def test_a_file_that_the_source_names_is_seen(folders, source, judged):
    look(folders)
    (source.parent / "table.csv").write_text("1\n")
    look(folders)
    assert len(judged) == 2


def test_source_that_no_run_went_through_does_not_matter(folders, source, judged):
    look(folders)
    (source.parent.parent / "models").mkdir()
    (source.parent.parent / "models/other.py").write_text("y = 1\n")
    (source.parent / "layer.cpython-311.pyc").write_bytes(b"compiled")
    look(folders)
    assert len(judged) == 1


def test_other_pins_are_seen(folders, put_all, judged, tmp_path):
    places = replace(folders, pins=tmp_path / "data.dvc")
    put_all()
    look(places)
    places.pins.write_text("outs: []\n")
    look(places)
    assert len(judged) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"evidence": "x"}', '{"paper": "s5_ptd"}'])
def test_what_cannot_be_read_is_judged_again(folders, put_all, judged, text):
    put_all()
    first = look(folders)
    (kept,) = (folders.kept / "standing").rglob("*.json")
    kept.write_text(text)
    assert look(folders) == first
    assert len(judged) == 2


def test_a_place_that_takes_no_file_only_costs_time(folders, put_all, judged):
    put_all()
    folders.kept.mkdir(exist_ok=True)
    (folders.kept / "standing").write_text("a file where a folder should be")
    assert look(folders) == look(folders)
    assert len(judged) == 2
