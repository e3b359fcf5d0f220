"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "maestro" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert sum(p.numel() for p in names["small"].parameters()) < 44_426 * 0.8
    report = names["report"]
    assert report.compressed.parameters <= 0.5 * report.dense.parameters
    # A layer that factors would not make smaller is one layer again, and has no rank.
    assert {layer.name for layer in report.layers if layer.rank is None} <= {"conv1", "fc3"}


def test_every_task_is_named():
    assert [task for task in registry.tasks("maestro") if f"task={task}" not in TEXT] == []
