"""Errors by n and by features, and what is missing is told."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from papers.private_similarity.figures import MECHANISMS, by_features, by_points, main


def table(path):
    rows = ["task,variant,scale,seed,paper_data,metric,value"]
    rows += [
        f"tree_against_grid,default,laptop,0,no,{name}_n{n}_e{e},{e / n}"
        for name in [*MECHANISMS, "tree"]
        for n in (1000, 100)
        for e in (1, 10)
    ]
    rows += [
        f"kernel_noise,default,laptop,0,no,error_n{n}_f{f},{float(f) / n}"
        for n in (1000, 3000, 10_000)
        for f in ("0.25", "4")
    ]
    path.write_text("\n".join(rows))
    return path


def test_one_mechanism_one_epsilon(tmp_path):
    found = table(tmp_path / "table.csv")
    assert by_points(found, "tree_geometric") == {100: 0.01, 1000: 0.001}
    assert by_features(found, 1000) == {0.25: 0.00025, 4.0: 0.004}


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(table(tmp_path / "table.csv"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"errors.png", "errors.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="--claim C4"):
        by_points(tmp_path / "none.csv", "grid")
