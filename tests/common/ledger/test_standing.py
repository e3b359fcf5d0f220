"""What status remembers, and what makes it judge anew."""

import shutil
from dataclasses import replace

import pytest

from common.experiment import sources
from common.ledger import fingerprint, standing, update
from common.ledger.__main__ import main
from common.ledger.standing import Standing

PAPER = "s5_ptd"
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
    sources.digest.cache_clear()  # an earlier test had another file there
    code = {LAYER: sources.digest(LAYER)}
    metrics = {"scan_error": 2e-15}
    put(make_record("layer_equivalence", "closed_form", 0, metrics, code=code), "layer")
    return file


def look(folders) -> Standing:
    """As a new process would see it."""
    of_checkout = (fingerprint.of_packages, fingerprint.of_recipes, update.present)
    for taken_once in (*of_checkout, sources.digest):
        taken_once.cache_clear()
    fingerprint._REMEMBERED.clear()
    return standing.standing("s5_ptd", "laptop", folders)


def look_afresh(folders) -> Standing:
    """What status says when nothing is remembered."""
    shutil.rmtree(folders.kept, ignore_errors=True)
    return look(folders)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


CHANGES = {
    "a bound": lambda f: edit(f.claims(PAPER), "at_most: 1.0e-9", "at_most: 1.0e-30"),
    "a mean": lambda f: edit(f.summary(PAPER), '"mean": 41.0', '"mean": 91.0'),
    "a verdict": lambda f: edit(f.summary(PAPER), '"unresolved"', '"holds"'),
    "a run": lambda f: edit(f.runs(PAPER), '"accuracy":41', '"accuracy":91'),
    "a figure": lambda f: edit(f.figures(PAPER), "41.0", "91.0"),
    "a curve": lambda f: edit(f.curves(PAPER), "epoch", "step"),
    "all runs": lambda f: f.runs(PAPER).unlink(),
    "a record": lambda f: edit(next(f.outputs.rglob("e/record.json")), "2e-15", "3e-15"),
    "all records": lambda f: shutil.rmtree(f.outputs / PAPER),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_remembered_is_what_would_be_judged_afresh(folders, put_all, name):
    put_all()
    main(["check"], folders)
    before = look(folders)
    CHANGES[name](folders)
    after = look(folders)
    assert after == look_afresh(folders)
    assert (after != before) == (name not in ("all runs", "all records"))  # one has the other


def test_another_checkout_judges_for_itself(folders, source, tmp_path, monkeypatch):
    """Two checkouts with one output folder, and one that is a copy of the other."""
    assert look(folders).verdicts["A"] == "holds"
    shutil.copytree(tmp_path / "source", tmp_path / "other" / "source")
    (tmp_path / "other/source/s5_ptd/tasks/layer.py").write_text("x = 2\n")
    monkeypatch.setitem(sources.PACKAGES, "papers", tmp_path / "other" / "source")
    assert look(folders).verdicts["A"] == "stale"


def test_what_is_edited_while_it_is_judged_is_judged_again(folders, source, judged, monkeypatch):
    counting = update.look

    def slow(*given):
        found = counting(*given)
        source.write_text("x = 2\n")
        return found

    monkeypatch.setattr(update, "look", slow)
    monkeypatch.setattr(fingerprint, "PAPERS", sources.PACKAGES["papers"])
    assert look(folders).verdicts["A"] == "holds"  # as it was when it was read
    assert look(folders).verdicts["A"] == "stale"
    assert len(judged) == 2


def test_a_package_goes_before_a_module_of_its_name(folders, source, judged):
    look(folders)
    source.with_suffix("").mkdir()
    (source.with_suffix("") / "__init__.py").write_text("x = 3\n")
    assert look(folders).verdicts["A"] == "stale"


def test_source_of_no_package_of_the_house_is_no_trouble(folders, put, make_record):
    record = make_record("layer_equivalence", "closed_form", 0, {"scan_error": 0.0})
    record.code = {"elsewhere.module": "0123456789ab"}
    put(record, "foreign")
    assert look(folders).verdicts["A"] == "stale"


def test_links_in_a_circle_end(folders, put_all):
    put_all()
    (folders.outputs / PAPER / "latest").symlink_to(".")
    (folders.outputs / PAPER / "itself").symlink_to("itself")
    assert look(folders).runs == 7


def test_a_folder_behind_a_link_is_found(folders, put_all, tmp_path):
    put_all()
    (folders.outputs / PAPER / "lra").rename(tmp_path / "scratch")
    (folders.outputs / PAPER / "lra").symlink_to(tmp_path / "scratch")
    assert look(folders).runs == 7


@pytest.mark.parametrize("verdict", ["fails", "stale"])
def test_what_fails_or_is_stale_is_not_in_order(verdict):
    paper = Standing("p", {"A": "holds", "B": verdict}, {}, 0, 0.0, (), ())
    assert not paper.in_order
    assert replace(paper, verdicts={"A": "holds", "B": "not run"}).in_order
    assert not replace(paper, verdicts={}, altered=("x",)).in_order


def test_other_configurations_and_another_judge_are_seen(folders, judged, monkeypatch):
    look(folders)
    monkeypatch.setattr(fingerprint, "of_recipes", lambda paper: "other")
    standing.standing(PAPER, "laptop", folders)
    monkeypatch.setattr(fingerprint, "of_judge", lambda: "other")
    standing.standing(PAPER, "laptop", folders)
    assert len(judged) == 3


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
