"""The claims of randlora, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "R1": ["at_most 1e-12", "at_most 1e-10", "at_most 1"],
    "R2": [
        "within 718848 718848",
        "within 663552 663552",
        "within 1780416 1780416",
        "within 1769472 1769472",
        "within 4755456 4755456",
        "within 4718592 4718592",
        "within 1.96 2.04",
        "within 112.65 112.75",
        "within 58.25 58.35",
        "within 0 0",
    ],
    "R3": [
        "largest at_most 0",
        "within 0 0",
        "largest at_most 6",
        "within 48 48",
        "within 48 48",
        "within 48 48",
    ],
    "R4": ["largest at_most 0", "largest at_most 0", "within -0.02 0.02"],
    "R5": [
        "largest at_most 1e-10",
        "within -0.01 0.01",
        "at_least floors/reference/tall_floor",
        "within 0.48 0.52",
        "above 0",
        "above 1",
    ],
    "R6": ["at_least 0.1", "above 0", "above 0"],
    "R7": ["at_least 0", "standard_errors 2", "at_least 0", "standard_errors 2"],
    "R8": ["at_least -0.5", "at_least 0"],
    "R10": ["at_least -0.5"],
    "R11": [
        "within -0.005 0.005",
        "within 0.662 0.672",
        "within 0.923 0.933",
        "within 0.975 0.985",
        "within 0.985 0.995",
        "smallest at_least 768",
        "within 0.9 1.1",
        "at_least 0",
        "standard_errors 2",
    ],
    "R12": [
        "at_most cost/reference/kept_bound",
        "at_most cost/reference/kept_factored_bound",
        "within 1 1",
    ],
    "R13": ["at_least -0.02"],
    "R14": ["at_most 0"],
    "R15": ["at_most 1e-06", "at_most 1e-06", "within 0 0", "within 0 0"],
}


def test_bounds_do_not_move():
    assert stated("randlora") == BOUNDS
