"""Composed plans are kept while what they were composed from stays as it is."""

from __future__ import annotations

import pytest

from common.ledger import fingerprint
from common.ledger import plan as plan_module
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import plan

CLAIM = """
claims:
  - id: A
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
def kept(tmp_path):
    folders = Folders(tmp_path / "papers", tmp_path / "results", tmp_path / "outputs")
    folders.claims("s5_ptd").parent.mkdir(parents=True)
    folders.claims("s5_ptd").write_text(CLAIM)
    return KeptPlan.of("s5_ptd", folders)


@pytest.fixture
def nothing_composes(monkeypatch):
    def forbid():
        monkeypatch.setattr(plan_module, "composer", None)

    return forbid


def seed(kept):
    return plan("s5_ptd", kept.claims, kept).unique_runs("laptop")[0].seed


def with_seed(kept, number):
    kept.claims.write_text(CLAIM.replace("seeds: [0]", f"seeds: [{number}]"))


def test_nothing_is_composed_twice(kept, nothing_composes):
    first = plan("s5_ptd", kept.claims, kept)
    nothing_composes()
    again = plan("s5_ptd", kept.claims, kept)
    assert (again.title, again.runs) == (first.title, first.runs)
    (file,) = kept.folder.glob("*.json")
    file.write_text(file.read_text().replace("laptop", "paper"))  # changed by hand
    with pytest.raises(TypeError):
        plan("s5_ptd", kept.claims, kept)


def test_a_fresh_clone_reads_the_plan_in_git(kept, nothing_composes):
    seed(kept)
    kept.commit()
    for file in kept.folder.iterdir():
        file.unlink()
    nothing_composes()
    assert seed(kept) == 0
    with_seed(kept, 1)
    with pytest.raises(TypeError):
        seed(kept)


def test_the_plan_in_git_is_written_when_it_is_another(kept):
    seed(kept)
    kept.commit()
    before = kept.committed.stat().st_mtime_ns
    kept.commit()
    assert kept.committed.stat().st_mtime_ns == before
    with_seed(kept, 1)
    seed(kept)
    kept.commit()
    assert kept.committed.stat().st_mtime_ns > before


def test_going_back_to_earlier_claims_composes_nothing(kept, nothing_composes):
    for number in range(5):
        with_seed(kept, number)
        assert seed(kept) == number
    nothing_composes()
    with_seed(kept, 1)
    assert seed(kept) == 1
    with_seed(kept, 0)
    with pytest.raises(TypeError):  # one more than are kept
        seed(kept)


def test_what_is_edited_while_it_is_composed_is_not_kept(kept, monkeypatch):
    monkeypatch.setattr(fingerprint, "unchanged", lambda paper: False)
    assert seed(kept) == 0
    assert not kept.folder.exists()
