"""The claims of ctr_lowrank: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_row_is_there(planned):
    found = planned.claims
    rows = [f"C{i}" for i in range(1, 11)]
    assert [claim.id for claim in found] == [*rows[:4], "C4b", *rows[4:]]
    assert all("laptop" in claim.checks for claim in found)
    assert [c.id for c in found if "paper" in c.checks] == ["C2", "C4", "C5", "C7", "C9", "C10"]
    assert all(c.checks["paper"].needs for c in found if "paper" in c.checks)


def test_how_many_runs(planned):
    assert len(planned.unique_runs("laptop")) == 17


BOUNDS = {
    "C1": ["largest at_most 1e-08", "largest at_most 1e-08"],
    "C2": ["below ctr/movielens/deepfm/svd_r{r}_gap", "lies_below 0"],
    "C3": [
        "equals {case}_dense_parameters {case}_dense_formula",
        "absolute 0.5",
        "equals avazu_r{r}_parameters avazu_r{r}_formula",
        "absolute 0.5",
        "equals criteo_r2_parameters criteo_r2_formula",
        "absolute 0.5",
        "equals movielens_r4_parameters movielens_r4_formula",
        "absolute 0.5",
        "at_least 3",
    ],
    "C4": ["lies_above 0", "lies_above 0"],
    "C4b": ["lies_above -0.0005"],
    "C5": ["lies_above 0"],
    "C6": ["at_least 1.3", "equals lookup_bytes_saved 8", "absolute 1e-09"],
    "C7": ["lies_below 0", "above 1"],
    "C8": ["largest at_most 1e-05"],
    "C9": ["above 0.5", "equals {v}_parameters {v}_parameters_formula", "absolute 0.5"],
}


def test_bounds_do_not_move():
    assert stated("ctr_lowrank") == BOUNDS
