"""The code in the paper's README runs; every task and module is named there."""

from __future__ import annotations

import re

import pytest

from common.experiment import registry
from common.experiment.paths import PAPERS

FOLDER = PAPERS / "hierarchical_polynomials"
TEXT = (FOLDER / "README.md").read_text()


def test_the_snippets():
    pytest.importorskip("sklearn")
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert names["score"] > 0.65
    assert names["found"] > 0.78


def test_every_task_and_module_is_named():
    assert [t for t in registry.tasks("hierarchical_polynomials") if f"task={t}" not in TEXT] == []
    modules = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "schema.py"}
    assert [name for name in sorted(modules) if f"`{name}`" not in TEXT] == []
