"""The claims of private_similarity, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": [
        "smallest at_least 0.999999999",
        "largest at_most 1e-09",
        "largest at_most 1",
        "largest at_most 0",
    ],
    "C2": ["smallest within 0.9 1.1", "largest within 0.9 1.1", "within -1.02 -0.98", "at_most 2"],
    "C3": ["smallest within 1.4 1.6", "largest within 1.4 1.6"],
    "C4": ["at_most -0.9", "within -0.65 -0.4", "below 1"],
    "C5": [
        "smallest within 0.92 1.08",
        "largest within 0.92 1.08",
        "smallest within 0.9 1.1",
        "largest within 0.9 1.1",
    ],
    "C6": [
        "largest at_most 1e-10",
        "smallest within 0.95 1.05",
        "largest within 0.95 1.05",
        "largest at_most 1.2",
    ],
    "C7": ["at_most 4", "below 0.25"],
    "C8": ["at_most 0.1", "at_most 2", "at_least 2.75"],
    "C9": ["within 0.5 2", "at_least 0.95", "at_most 1.05", "within -0.6 -0.4", "at_most 1.05"],
    "C10": [
        "at_most 0.002",
        "at_most 0.0003",
        "at_most 6.5e-05",
        "at_most 5.5e-06",
        "above 0",
        "within 0.99 1",
        "within 0.99 1",
        "at_most 0.05",
    ],
    "C11": ["at_least 0.1"],
    "C12": ["at_least -3", "at_least 100"],
    "C13": ["at_most 0", "above 0"],
    "C14": ["at_most 0", "at_most 0"],
}


def test_bounds_do_not_move():
    assert stated("private_similarity") == BOUNDS
