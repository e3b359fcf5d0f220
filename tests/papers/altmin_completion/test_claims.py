"""The claims of altmin_completion, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["below 1e-05", "below 1e-06", "below 1e-08", "below 1e-13"],
    "C2": ["below 0.5", "below 0.4", "below 0.25", "below 0.15"],
    "C3": ["within 1 1.7", "within 1 1.7", "at_most 1.05", "within -1 1", "within -1 1"],
    "C4": [
        "at_most 2",
        "at_least 0.5",
        "within 0.95 1.05",
        "within 0.95 1.05",
        "below 1e-05",
        "at_least 0.01",
        "within 0.95 1.05",
    ],
    "C5": [
        "at_most 32",
        "at_most 2",
        "at_least 0.001",
        "within 0.75 1.1",
        "within 0.75 1.1",
        "below 4",
        "below 4",
    ],
    "C6": ["at_most 1", "at_most 1e-08"],
    "C7": ["at_most 1", "at_most 2", "at_most 2"],
    "C8": ["within 0.9 1.2", "within 1.8 2.1", "at_least 1.4", "at_least 2.5"],
    "C9": ["at_most 30"],
    "C10": ["at_least 4", "below 4", "below 4", "at_least 4", "at_most 1.5", "within -0.5 0.5"],
    "C11": ["at_most 18", "at_least 5", "at_most 3"],
    "C12": ["below 0.65", "below 0.55", "below 1e-13", "below 0.05"],
    "C13": ["within -0.003 0.003", "at_most 0.925", "at_least 0.015"],
    "C14": ["at_most 4", "below 1e-08", "within 0.5 2", "within 0.5 2"],
    "C15": ["at_most 0", "in_seeds 3", "below 1e-08", "above 0.01"],
}


def test_bounds_do_not_move():
    assert stated("altmin_completion") == BOUNDS
