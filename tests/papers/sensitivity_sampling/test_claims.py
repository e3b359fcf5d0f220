"""The claims of sensitivity_sampling, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["at_most 1e-08", "at_most 1e-10", "at_most 1e-08"],
    "C2": [
        "at_most 1e-08",
        "at_most 1e-08",
        "at_most 1e-08",
        "at_most 1e-08",
        "within -0.05 0.05",
        "within -0.05 0.05",
    ],
    "C3": ["at_most 1e-07", "at_most 1e-07"],
    "C4": ["at_least -1e-14", "at_least 1000"],
    "C5": ["at_most 1.25", "at_most 1e-07", "at_most 1", "at_most 1e-12"],
    "C6": ["at_most 1", "at_most 1", "at_most 19", "at_most 0.2"],
    "C7": ["at_most 108", "at_most 0.5"],
    "C8": ["at_most 0.01", "at_most 1", "absolute 0.1", "absolute 0.1"],
    "C9": ["at_most 1.58333", "at_most 1.75", "at_most 1.58333", "at_most 1.75"],
    "C10": [
        "at_most 1.58333",
        "at_most 2.25",
        "at_most 1.58333",
        "at_most 2.25",
        "at_most 1",
        "at_most 1",
        "at_most 1",
        "at_most 1",
    ],
    "C11": ["within 1 1", "at_most 1.02", "within 1.1 1.6", "within 1.1 1.6"],
    "C12": ["at_most 0.5", "at_least 0.8"],
    "C13": ["at_most 1", "at_most 88.9", "at_most 0.6", "below 1"],
    "C14": ["at_most 1", "at_most 1", "at_most 1"],
    "C15": ["within 1.5 2.7"],
    "C16": ["at_least 1", "at_most 0.2"],
    "C17": ["below 1", "at_most 1", "at_most 1"],
    "C18": ["at_most 1", "at_most 1.15"],
    "C19": ["at_least 1", "at_least 1", "at_least 1", "below 1", "at_most 1.75"],
}


def test_bounds_do_not_move():
    assert stated("sensitivity_sampling") == BOUNDS
