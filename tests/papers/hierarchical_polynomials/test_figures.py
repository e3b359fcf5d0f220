"""Errors by n, over seeds, and what is missing is told."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from papers.hierarchical_polynomials.figures import LINES, errors, main


def table(path):
    rows = ["task,variant,scale,seed,paper_data,metric,value"]
    rows += [
        f"{task},{variant},laptop,{seed},no,{name}_n{n},{seed + 100 / n}"
        for task, variant in [*LINES, ("layerwise_training", "radial")]
        for seed in (0, 1)
        for name in ("mse", "stage_one_mse")
        for n in (100, 200)
    ]
    path.write_text("\n".join(rows))
    return path


def test_of_one_variant_and_the_whole_network(tmp_path):
    found = errors(table(tmp_path / "table.csv"), "layerwise_training", "balanced")
    assert {n: values.tolist() for n, values in found.items()} == {100: [1, 2], 200: [0.5, 1.5]}


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(table(tmp_path / "table.csv"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"errors.png", "errors.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="--claim H4"):
        errors(tmp_path / "none.csv", "kernel_ridge", "gaussian")
