"""What tests of several papers share."""

from __future__ import annotations

import json

import pytest

from common.experiment.cli import main


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
