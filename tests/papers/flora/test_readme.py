"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "flora" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert set(names["adapters"]) == {"0", "2"}
    assert names["tuned"].get_nb_trainable_parameters()[0] == 16 * 4 + 8 * 4 + 2 * 3 * 2 + 64


def test_every_task_is_named():
    tasks = [t for t in registry.tasks("flora") if not t.startswith("sentences/")]
    assert [task for task in tasks if f"task={task}" not in TEXT] == []
