"""The claims of altmin_completion, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": [
        "largest below 1e-05",
        "largest below 1e-06",
        "largest below 1e-08",
        "largest below 1e-13",
    ],
    "C2": ["largest below 0.5", "largest below 0.4", "largest below 0.25", "largest below 0.15"],
    "C3": [
        "smallest within 1 1.7",
        "largest within 1 1.7",
        "largest at_most 1.05",
        "largest within -1 1",
        "smallest within -1 1",
    ],
    "C4": [
        "largest at_most 2",
        "smallest at_least 0.5",
        "largest within 0.95 1.05",
        "smallest within 0.95 1.05",
        "largest below 1e-05",
        "smallest at_least 0.01",
        "largest within 0.95 1.05",
    ],
    "C5": [
        "largest at_most 32",
        "largest at_most 2",
        "smallest at_least 0.001",
        "smallest within 0.75 1.1",
        "largest within 0.75 1.1",
        "largest below 4",
        "largest below 4",
    ],
    "C6": ["at_most 1.000000001", "at_most 1e-08"],
    "C7": ["at_most 1", "largest at_most 2", "largest at_most 2"],
    "C8": ["within 0.9 1.2", "within 1.8 2.1", "at_least 1.4", "at_least 2.5"],
    "C9": ["at_most 30"],
    "C10": ["at_least 4", "below 4", "below 4", "at_least 4", "at_most 1.5", "within -0.5 0.5"],
    "C11": ["at_most 18", "at_least 5", "at_most 3"],
    "C12": [
        "largest below 0.65",
        "largest below 0.55",
        "largest below 1e-13",
        "largest below 0.05",
    ],
    "C13": ["within -0.003 0.003", "at_most 0.925", "at_least 0.015"],
    "C14": [
        "largest at_most 4",
        "largest below 1e-08",
        "largest within 0.5 2",
        "smallest within 0.5 2",
    ],
    "C15": ["at_most 0", "in_seeds 3", "largest below 1e-08", "smallest above 0.01"],
}


def test_bounds_do_not_move():
    assert stated("altmin_completion") == BOUNDS
