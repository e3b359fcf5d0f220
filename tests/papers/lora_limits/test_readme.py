"""The code in the paper's README runs; every task and module is named there."""

from __future__ import annotations

import re

import torch

from common.experiment import registry
from common.experiment.paths import PAPERS
from papers.lora_limits.exact import adapters_by_autograd

FOLDER = PAPERS / "lora_limits"
TEXT = (FOLDER / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    solved, wanted = names["solved"], adapters_by_autograd(names["problem"])
    worst = max(float((solved.adapters[n] - wanted[n]).abs().max()) for n in wanted)
    assert worst <= solved.bound <= 1.0
    assert 1e1 < max(float(g.abs().max()) for g in wanted.values()) < 1e3
    assert names["out"].shape == (2, 8, 1000, 4)
    assert bool(torch.isfinite(names["q"].grad).all())


def test_every_task_and_module_is_named():
    assert [t for t in registry.tasks("lora_limits") if f"task={t}" not in TEXT] == []
    modules = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "schema.py"}
    assert [name for name in sorted(modules) if f"`{name}`" not in TEXT] == []
