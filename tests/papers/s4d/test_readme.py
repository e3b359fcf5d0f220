"""The code in the paper's README runs and does what its comments say."""

from __future__ import annotations

import re

import torch

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "s4d" / "README.md").read_text()


def test_the_snippet():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    with torch.no_grad():
        exec(code, names)
        again, _ = names["same"](names["u"])
    y = names["y"]
    torch.testing.assert_close(names["first"], y[:, :600], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(names["next_output"], y[:, 600], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(again, y)
    assert names["half"].shape == (2, 500, 8)


def test_every_model_and_task_is_named():
    assert all(f"`{model}`" in TEXT for model in registry.models("s4d"))
    short = {task.rpartition("/")[2] for task in registry.tasks("s4d") if "lra/" not in task}
    assert [task for task in short if task not in TEXT] == []
