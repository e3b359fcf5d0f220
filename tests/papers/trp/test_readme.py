"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "trp" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert names["small"].speedup > 1
    report = names["report"]
    assert report.compressed.macs <= 0.7 * report.dense.macs
    assert report.layers


def test_every_task_is_named():
    assert [task for task in registry.tasks("trp") if f"task={task}" not in TEXT] == []
