"""The code in the paper's README runs; every task and module is named there."""

from __future__ import annotations

import re

import pytest

from common.experiment import registry
from common.experiment.paths import PAPERS

FOLDER = PAPERS / "sensitivity_sampling"
TEXT = (FOLDER / "README.md").read_text()


def test_the_snippets():
    pytest.importorskip("sklearn")
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert abs(names["sampled"] / names["whole"] - 1) < 0.2
    assert names["found"].kind == "lower bound"
    assert names["found"].value < 1
    assert names["s"].gap < 1e-8


def test_every_task_and_module_is_named():
    assert [t for t in registry.tasks("sensitivity_sampling") if f"task={t}" not in TEXT] == []
    modules = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "schema.py"}
    assert [name for name in sorted(modules) if f"`{name}`" not in TEXT] == []
