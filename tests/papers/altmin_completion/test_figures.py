"""The phase diagram: it sums over seeds, and says what is missing."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from papers.altmin_completion.figures import completed, main


def table(path):
    rows = ["task,variant,scale,seed,paper_data,metric,value"]
    rows += [
        f"frontier,default,laptop,{seed},no,completed_{way}n{size}_c{c},{count}"
        for seed in (0, 1)
        for way in ("", "cg2_")
        for size in (200, 400)
        for c, count in (("3", 0), ("4.5", 4), ("8", 5))
    ]
    path.write_text("\n".join([*rows, "frontier,default,laptop,0,no,completed_k2_c8,5"]))
    return path


def test_counts_are_of_all_seeds(tmp_path):
    found, sizes, factors, seeds = completed(table(tmp_path / "table.csv"), "")
    assert (sizes, factors, seeds) == ([200, 400], [3.0, 4.5, 8.0], 2)
    assert found.tolist() == [[0, 8, 10], [0, 8, 10]]


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(table(tmp_path / "table.csv"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"frontier.png", "frontier.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="--claim C10"):
        completed(tmp_path / "none.csv", "")
