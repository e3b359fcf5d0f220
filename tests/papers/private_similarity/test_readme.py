"""The code in the paper's README runs; every task and module is named there."""

from __future__ import annotations

import re

import numpy as np
import pytest

from common.experiment import registry
from common.experiment.paths import PAPERS

FOLDER = PAPERS / "private_similarity"
TEXT = (FOLDER / "README.md").read_text()


def test_the_snippets():
    pytest.importorskip("opendp")
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    exact = np.abs(names["x"][:, None] - np.array([[0.3, 0.7], [0.5, 0.5]])).sum((0, 2))
    assert (abs(names["sums"] / exact - 1) < 0.2).all()


def test_every_task_and_module_is_named():
    assert [t for t in registry.tasks("private_similarity") if f"task={t}" not in TEXT] == []
    modules = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "schema.py"}
    assert [name for name in sorted(modules) if f"`{name}`" not in TEXT] == []
