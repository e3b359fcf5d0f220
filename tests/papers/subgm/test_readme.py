"""The code in the paper's README runs; every task and module is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS

FOLDER = PAPERS / "subgm"
TEXT = (FOLDER / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    found = names["found"]
    assert float((found.matrix - names["truth"]).norm()) < 1e-2


def test_every_task_and_module_is_named():
    assert [t for t in registry.tasks("subgm") if f"task={t}" not in TEXT] == []
    modules = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "schema.py"}
    assert [name for name in sorted(modules) if f"`{name}`" not in TEXT] == []
