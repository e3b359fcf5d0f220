"""Curves by their setting, and what is missing is told."""

from __future__ import annotations

import json

import pytest

from common.errors import MissingDataError
from papers.overparam_sensing.figures import errors, main


def runs(path):
    def row(task, seed, names):
        curves = {f"error_{name}": [4.0, 1.0, 0.25] for name in names}
        curves |= {f"error_{name}_at": [0.0, 1.0, 2.0] for name in names}
        place = {"variant": "population", "scale": "laptop", "seed": seed}
        return {"task": task, "curves": curves, **place}

    rows = [row("symmetric", 1, ["k9"]), row("symmetric", 0, ["k4", "k10", "equal"])]
    path.write_text(json.dumps({"runs": [*rows, row("asymmetric", 0, ["a0.5", "a1"])]}))
    return path


def test_settings_are_read_from_names(tmp_path):
    found = errors(runs(tmp_path / "runs.json"), "symmetric", "k")
    assert set(found) == {4.0, 10.0}
    assert [part.tolist() for part in found[4.0]] == [[0, 1, 2], [4, 1, 0.25]]
    assert set(errors(tmp_path / "runs.json", "asymmetric", "a")) == {0.5, 1.0}


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(runs(tmp_path / "runs.json"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"errors.png", "errors.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="--claim C4"):
        errors(tmp_path / "none.json", "asymmetric", "a")
