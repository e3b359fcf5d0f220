"""The code in the paper's README runs; every model and task is named there."""

from __future__ import annotations

import re

import torch

from common.experiment import registry
from common.experiment.paths import PAPERS

TEXT = (PAPERS / "hippo" / "README.md").read_text()


def test_the_snippet():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(code, names)
    parts = names["parts"]
    A = parts.V @ torch.diag(parts.lam) @ parts.V.mH - parts.P.mT @ parts.P
    torch.testing.assert_close(A.real, names["system"]("legt", 64)[0], rtol=0, atol=1e-9)
    assert parts.P.shape == (2, 64)


def test_every_model_and_task_is_named():
    assert all(f"`{model}`" in TEXT for model in registry.models("hippo"))
    own = [t for t in registry.tasks("hippo") if "/" not in t and t != "lra"]
    assert [task for task in own if f"task={task}" not in TEXT] == []
