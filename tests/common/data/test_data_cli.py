"""python -m common.data: what the commands print and write, and how they exit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from common.data import commands, needs
from common.data.__main__ import main
from common.data.naming import key_of
from common.data.needs import Need, commit, needed
from common.data.pins import entries, pins
from common.data.prepared import read_npz, write_npz
from common.data.specs import ChirpsSpec, ListOpsSpec, RetrievalSpec
from common.errors import UserError
from common.ledger.folders import Folders
from tests.running import ROOT

PLANTED = RetrievalSpec(train=8, val=4, test=4)
LISTOPS = ListOpsSpec(min_length=5, max_length=50, l_max=50, train=20, val=5, test=5)
AAN = RetrievalSpec(source="aan", l_max=4_000)
CLAIMS = """
claims:
  - id: A
    kind: claim
    statement: Retrieval is learnt
    source: Table 1
    reported: {value: 90}
    checks:
      laptop:
        runs: [{task: lra/retrieval, seeds: [0, 1]}]
        relation: {metric: lra/retrieval/s5_ptd/accuracy, at_least: 60}
      paper:
        runs: [{task: lra/text, seeds: [0]}]
        needs: a GPU
  - id: B
    kind: claim
    statement: Three ways give one layer
    source: method
    reported: {value: equal}
    checks:
      laptop:
        runs: [{task: layer_equivalence, seeds: [0]}]
        relation: {metric: layer_equivalence/closed_form/scan_error, at_most: 1.0e-9}
"""


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A checkout whose claims need two sets that can be made, and one made in memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRUCTLAB_DATA", raising=False)
    places = Folders(
        tmp_path / "papers", tmp_path / "results", tmp_path / "outputs", pins=tmp_path / "data.dvc"
    )
    places.claims("s5_ptd").parent.mkdir(parents=True)
    places.claims("s5_ptd").write_text(CLAIMS)
    need(monkeypatch, PLANTED, LISTOPS, ChirpsSpec(length=16, train=3, test=2))
    return places


def need(monkeypatch, *specs):
    needs = [Need(key_of(spec) or "AAN", spec, ("s5_ptd",)) for spec in specs]
    monkeypatch.setattr(commands, "needed", lambda papers, folders: needs)


def test_help_loads_nothing_heavy():
    code = (
        "import runpy, sys\nsys.argv = ['data', '--help']\n"
        "try:\n    runpy.run_module('common.data', run_name='__main__')\n"
        "except SystemExit as stopped:\n"
        "    heavy = {'torch', 'hydra', 'numpy', 'scipy', 'rich', 'yaml'} & set(sys.modules)\n"
        "    print(stopped.code, heavy or 'nothing heavy')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "licences" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 nothing heavy"


def test_prepare_makes_each_set_once(folders, tmp_path, capsys):
    assert main(["prepare"], folders) == 0
    files = sorted(tmp_path.glob("data/*/*.npz"))
    assert [f"{f.parent.name}/{f.stem}" for f in files] == sorted(map(key_of, [LISTOPS, PLANTED]))
    assert capsys.readouterr().out.count(": prepared (") == 2
    times = [f.stat().st_mtime_ns for f in files]
    assert main(["prepare"], folders) == 0
    assert [f.stat().st_mtime_ns for f in files] == times
    assert capsys.readouterr().out.count(": on disk (") == 2


def test_prepare_goes_on_when_a_set_cannot_be_had(folders, tmp_path, capsys, monkeypatch):
    need(monkeypatch, AAN, PLANTED)
    assert main(["prepare"], folders) == 1
    printed = capsys.readouterr().out
    assert "AAN: cannot be had." in printed
    assert "put them in the folder aan/ of the local data source" in printed
    assert "1 sets are lacking" in printed
    assert (tmp_path / "data" / f"{key_of(PLANTED)}.npz").exists()


def test_list_says_what_is_where(folders, capsys, monkeypatch):
    need(monkeypatch, AAN, PLANTED, ChirpsSpec(length=16, train=3, test=2))
    assert main(["list", "--offline"], folders) == 0
    header, aan, planted, chirps = capsys.readouterr().out.splitlines()
    assert header.split() == ["key", "set", "MB", "needed", "by", "state"]
    assert "new_aan_pairs.train.tsv" in aan
    assert planted.endswith("at hand, not prepared yet")
    assert chirps.endswith("each run makes it")
    main(["prepare"], folders)
    capsys.readouterr()
    main(["list"], folders)
    assert capsys.readouterr().out.splitlines()[2].endswith("on disk")


def test_a_pin_is_what_lies_there(folders, tmp_path, capsys):
    main(["prepare"], folders)
    assert main(["pin"], folders) == 0
    prepared = read_npz(tmp_path / "data" / f"{key_of(PLANTED)}.npz")
    assert pins(folders.pins)[key_of(PLANTED)] == prepared.content_sha256
    entry = entries(folders.pins)[key_of(LISTOPS)]
    assert entry["meta"]["name"] == "ListOps"
    assert entry["meta"]["generated"] is True
    assert "max_length=50" in entry["desc"]
    assert "test=5" in entry["desc"]
    assert "seed" not in entry["desc"], "only what differs from the published set"
    assert len(pins(folders.pins)) == 2, "a set in memory has no file to pin"
    assert main(["pin"], folders) == 0
    assert "unchanged" in capsys.readouterr().out
    assert main(["verify"], folders) == 0
    assert "2 sets are as pinned" in capsys.readouterr().out


def test_an_absent_set_keeps_its_entry(folders, tmp_path, capsys):
    main(["prepare"], folders)
    main(["pin"], folders)
    before = folders.pins.read_text()
    (tmp_path / "data" / f"{key_of(PLANTED)}.npz").unlink()
    assert main(["pin"], folders) == 0
    assert folders.pins.read_text() == before
    assert main(["verify"], folders) == 1
    assert f"{key_of(PLANTED)} is pinned but" in capsys.readouterr().out


def test_what_was_never_prepared_is_named(folders, capsys):
    assert main(["pin"], folders) == 0
    assert f"{key_of(PLANTED)} is not pinned" in capsys.readouterr().out
    assert pins(folders.pins) == {}


def test_a_set_that_no_claim_needs_is_dropped_aloud(folders, capsys, monkeypatch):
    main(["prepare"], folders)
    main(["pin"], folders)
    need(monkeypatch, PLANTED)
    main(["pin"], folders)
    assert f"{key_of(LISTOPS)} is pinned no more" in capsys.readouterr().out
    assert list(pins(folders.pins)) == [key_of(PLANTED)]


def test_verify_names_what_differs(folders, tmp_path, capsys):
    main(["prepare"], folders)
    main(["pin"], folders)
    changed = tmp_path / "data" / f"{key_of(PLANTED)}.npz"
    prepared = read_npz(changed)
    prepared.arrays["train_targets"][0] ^= 1
    write_npz(changed, prepared.arrays, prepared.facts)  # a sound file of another content
    damaged = tmp_path / "data" / f"{key_of(LISTOPS)}.npz"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    capsys.readouterr()
    assert main(["verify"], folders) == 1
    first, second = sorted(capsys.readouterr().out.splitlines())
    assert first.startswith(f"{key_of(LISTOPS)}: {damaged.relative_to(tmp_path)} is not a whole")
    assert f"{key_of(PLANTED)}: the content has SHA-256" in second


def test_a_mistake_is_told_in_a_line(folders, capsys):
    assert main(["list", "no_such_paper"], folders) == 2
    assert capsys.readouterr().err.startswith("data: ")


def test_needs_are_composed_from_the_claims(folders):
    """Of all claims at laptop scale, whatever the seed; composed once, then remembered."""
    (found,) = needed(["s5_ptd"], folders)
    assert found.key == key_of(found.spec)
    assert isinstance(found.spec, RetrievalSpec)
    assert found.spec.source == "planted"
    assert found.papers == ("s5_ptd",)
    kept = folders.outputs / ".ledger" / "data_sets.json"
    content = json.loads(kept.read_text())
    assert len(content["of"]) == 2, "a run without data is remembered too"
    assert len(content["sets"]) == 1
    before = kept.stat().st_mtime_ns
    assert needed(["s5_ptd"], folders) == [found]
    assert kept.stat().st_mtime_ns == before
    kept.write_text('{"sets": [["GoneSpec", {}]], "of": {"x": [0]}}')
    assert needed(["s5_ptd"], folders) == [found]


def test_what_git_keeps_is_not_composed_again(folders, monkeypatch):
    commit(["s5_ptd"], folders)
    found = needed(["s5_ptd"], folders)
    (folders.outputs / ".ledger" / "data_sets.json").unlink()
    monkeypatch.setattr(needs, "_composed", lambda runs: pytest.fail(f"{len(runs)} composed"))
    assert needed(["s5_ptd"], folders) == found


def test_a_shared_file_is_one_need(folders, monkeypatch):
    text = CLAIMS.replace("lra/retrieval", "lra/image").replace("seeds: [0, 1]", "seeds: [0]")
    folders.claims("s5_ptd").write_text(text)
    (found,) = needed(["s5_ptd"], folders)
    assert found.key == "cifar10/decoded"
    assert found.has_file
    assert not replace(found, spec=ChirpsSpec()).has_file


def test_a_claim_that_does_not_compose_is_the_users_mistake(folders):
    folders.claims("s5_ptd").write_text(CLAIMS.replace("lra/retrieval", "lra/retreival"))
    with pytest.raises(UserError, match="retreival"):
        needed(["s5_ptd"], folders)


def test_content_and_file_hash_are_both_pinned(folders, tmp_path):
    main(["prepare"], folders)
    main(["pin"], folders)
    entry = entries(folders.pins)[key_of(PLANTED)]
    assert entry["path"] == f"data/{key_of(PLANTED)}.npz"
    assert entry["size"] == (tmp_path / entry["path"]).stat().st_size
    assert set(entry) == {"md5", "size", "hash", "path", "desc", "meta"}
    assert np.load(tmp_path / entry["path"])["train_targets"].shape == (8,)


@pytest.mark.slow
def test_all_that_the_claims_need_is_pinned(tmp_path):
    """Composed from the real claims: a new set without a pin would never be called stale."""
    places = replace(Folders.default(), outputs=tmp_path)
    needs = needed(places.with_claims(), places)
    assert set(pins(ROOT / "data.dvc")) == {need.key for need in needs if need.has_file}
