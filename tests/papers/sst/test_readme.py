"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

import torch

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "sst" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    layer = names["model"].transformer.h[0].mlp.c_fc
    assert layer.active.shape == (4,)
    assert names["losses"][-1] < names["losses"][0]
    assert names["share"] < 1
    tokens = names["tokens"]
    torch.testing.assert_close(names["dense"](tokens), names["model"](tokens), rtol=1e-3, atol=1e-3)


def test_every_task_is_named():
    assert [task for task in registry.tasks("sst") if f"task={task}" not in TEXT] == []
