"""The code in the paper's README runs; every task and method is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS
from papers.lr2vq.tasks.settings import METHODS

TEXT = (PAPERS / "lr2vq" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert names["layer"].weight.shape == (32, 16, 3, 3)
    report = names["report"]
    assert report.compressed.bytes <= 0.1 * report.dense.bytes
    assert report.compressed.parameters == report.dense.parameters


def test_every_task_and_method_is_named():
    assert [task for task in registry.tasks("lr2vq") if f"task={task}" not in TEXT] == []
    assert [method for method in METHODS if f"`{method}`" not in TEXT] == []
