"""The claims of trp: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == [f"T{i}" for i in range(1, 9)]
    assert [c.id for c in planned.claims if "laptop" not in c.checks] == ["T4"]


BOUNDS = {
    "T1": ["at_least 1.8", "at_most 0.5", "at_least 5"],
    "T2": ["above 0", "above 0"],
    "T3": [
        "below rank_pruning/resnet20_spatial/trp_rank_sum",
        "below rank_pruning/resnet20_spatial/trp_nuclear_over_frobenius",
        "within -1.5 1.5",
        "above rank_pruning/resnet20_spatial/trp_nu_0.3_versus_after",
    ],
    "T5": ["within 0 0", "at_least 100", "smallest at_least 1", "largest within 0 0"],
    "T6": ["at_most 1e-06", "at_least -1e-10"],
    "T7": ["at_most 1e-05"],
    "T8": ["at_most 1.25"],
}


def test_bounds_do_not_move():
    assert stated("trp") == BOUNDS
