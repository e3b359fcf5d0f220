"""What tests of several papers share."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from common.experiment.cli import main
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import plan


@pytest.fixture
def smoke(request, tmp_path, monkeypatch):
    """Runs a task of the paper whose folder the test is in; gives its exit status and record:
    None where a mistake was told before a run had a folder."""
    paper = request.path.parent.name
    monkeypatch.chdir(tmp_path)

    def run(task, *extra, paper=paper, scale="smoke"):
        fixed = [f"paper={paper}", f"scale={scale}", "trainer.threads=1", "data.workers=1"]
        with pytest.raises(SystemExit) as stopped:
            main([f"task={task}", *fixed, *extra])
        records = sorted((tmp_path / "outputs" / paper / task).glob("*/record.json"))
        return stopped.value.code, json.loads(records[-1].read_text()) if records else None

    return run


@pytest.fixture(scope="module")
def planned(request, tmp_path_factory):
    """The claims of the paper whose folder the test is in, as git keeps their plan; ``test_plans``
    composes it anew."""
    paper = request.path.parent.name
    kept = KeptPlan.of(paper, Folders.default())
    return plan(paper, kept.claims, replace(kept, folder=tmp_path_factory.mktemp("plans")))
