"""The code in the paper's README runs; every task is named there."""

from __future__ import annotations

import re

import pytest

from common.compression.output_error import output_errors
from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "lord" / "README.md").read_text()


def test_the_snippets():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    model, batches, name = names["model"], names["batches"], "transformer.h.0.mlp.c_fc"
    errors = output_errors(model, {name: {"x": names["part"].at(16)}}, batches)
    assert errors[name]["x"] == pytest.approx(names["part"].basis.error(16), rel=1e-4)
    assert names["small"](batches[0]).shape == (8, 32, 64)
    report = names["report"]
    assert report.compressed.parameters <= 0.8 * report.dense.parameters
    assert all(layer.rank % 4 == 0 for layer in report.layers)


def test_every_task_is_named():
    assert [task for task in registry.tasks("lord") if f"task={task}" not in TEXT] == []
