"""The claims of maestro: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import named, stated


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == ["M1", "M2", "M3", "M4", "M4b", "M5", "M6", "M6b", "M7", "M8"]
    assert all("laptop" in claim.checks for claim in planned.claims)


CUT = ["at_least 3", "at_least 3", "at_most 1.5", "at_most 1.5"]
PARTS = (0.25, 0.5, 0.75, 1)
BOUNDS = {
    "M1": [
        "largest at_most 0.001",
        "largest at_most 0.03",
        "largest below 0.03",
        "largest at_most 1.02",
        "smallest at_least 0.98",
        "smallest above 0.001",
    ],
    "M2": [
        "largest at_most 5",
        "largest at_most 1.02",
        "largest below 0.01",
        "smallest above 0.01",
    ],
    "M3": ["largest at_most 1.03", "smallest at_least 0.97"],
    "M4": CUT,
    "M4b": CUT,
    "M5": [
        "monotone falling lasso_0.00025/rank_sum lasso_0.001/rank_sum lasso_0.004/rank_sum "
        "lasso_0.016/rank_sum",
        "slack 2",
        *(
            bound
            for lasso in ("0.00025", "0.001", "0.004", "0.016")
            for bound in (
                "at_most 0.4",
                "at_least -1.5",
                f"below shrinking/lasso_{lasso}/step_macs_whole",
            )
        ),
    ],
    "M6": [*CUT, *(named("monotone rising", "one_layer_at_", PARTS) for _ in range(2))],
    "M6b": [*CUT, *(named("monotone rising", "across_layers_at_", PARTS) for _ in range(2))],
    "M7": ["within 0 0", "within 25557032 25557032"],
    "M8": ["at_most 1e-05", "at_most 1e-12"],
}


def test_bounds_do_not_move():
    assert stated("maestro") == BOUNDS
