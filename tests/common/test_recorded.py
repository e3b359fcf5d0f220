"""Metrics read back by variant and seed; what is missing is told."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from common.recorded import recorded

TABLE = """task,variant,scale,seed,paper_data,metric,value
fit,a,laptop,0,no,error,0.5
fit,a,laptop,1,no,error,0.25
fit,b,laptop,0,no,error,2
fit,a,smoke,0,no,error,9
other,a,laptop,0,no,error,7
"""


def test_by_variant_and_seed(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    wanted = {("a", 0): {"error": 0.5}, ("a", 1): {"error": 0.25}, ("b", 0): {"error": 2.0}}
    assert recorded(path, "fit", "run it") == wanted
    assert recorded(path, "fit", "run it", scale="smoke") == {("a", 0): {"error": 9.0}}


def test_what_is_missing(tmp_path):
    with pytest.raises(MissingDataError, match="run it"):
        recorded(tmp_path / "none.csv", "fit", "run it")
    (tmp_path / "table.csv").write_text(TABLE)
    with pytest.raises(MissingDataError, match="A run of third"):
        recorded(tmp_path / "table.csv", "third", "run it")
