"""The code in the paper's README runs; every model and task is named there."""

from __future__ import annotations

import re

import torch

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "ctr_lowrank" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    small, compressed = names["small"], names["compressed"]
    assert small.fused
    torch.testing.assert_close(small(*names["batches"][0]), compressed(*names["batches"][0]))
    report = names["report"]
    assert report.compressed.parameters < report.dense.parameters
    assert len(report.layers) == 2


def test_every_model_and_task_is_named():
    assert [m for m in registry.models("ctr_lowrank") if f"`{m}`" not in TEXT] == []
    assert [t for t in registry.tasks("ctr_lowrank") if f"task={t}" not in TEXT] == []
