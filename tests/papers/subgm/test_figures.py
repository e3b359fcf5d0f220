"""The phase diagram: cells are where they belong, and what is missing is told."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from papers.subgm.figures import main, recovered


def table(path):
    rows = ["task,variant,scale,seed,paper_data,metric,value"]
    rows += [
        f"samples,default,laptop,0,no,recovered_k{k}_m{m},{min(5, m // 100 - k // 10)}"
        for k in (3, 20)
        for m in (120, 240, 680)
    ]
    path.write_text("\n".join(rows))
    return path


def test_rows_are_widths(tmp_path):
    found, widths, measurements = recovered(table(tmp_path / "table.csv"))
    assert (widths, measurements) == ([3, 20], [120, 240, 680])
    assert found.tolist() == [[1, 2, 5], [-1, 0, 4]]


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(table(tmp_path / "table.csv"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"samples.png", "samples.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="--claim C10"):
        recovered(tmp_path / "none.csv")
