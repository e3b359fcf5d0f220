"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "loldu" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert sum(adapter.number() for adapter in names["adapters"].values()) == 16
    saved = {key.rpartition(".")[2] for key in names["saved"]}
    assert saved == {"adapter_settings", "base", "order", "z"}
    assert names["tuned"].get_nb_trainable_parameters()[0] == 16


def test_every_task_is_named():
    tasks = [t for t in registry.tasks("loldu") if not t.startswith("sentences/")]
    assert [task for task in tasks if f"task={task}" not in TEXT] == []
