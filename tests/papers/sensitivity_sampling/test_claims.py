"""The claims of sensitivity_sampling, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["largest at_most 1e-08", "largest at_most 1e-10", "largest at_most 1e-08"],
    "C2": [
        "largest at_most 1e-08",
        "largest at_most 1e-08",
        "largest at_most 1e-08",
        "largest at_most 1e-08",
        "largest within -0.05 0.05",
        "smallest within -0.05 0.05",
    ],
    "C3": ["largest at_most 1e-07"] * 4,
    "C4": ["smallest at_least -1e-14", "smallest at_least 1000"],
    "C5": [
        "largest at_most 1.25",
        "largest at_most 1e-07",
        "largest at_most 1",
        "largest at_most 1e-12",
    ],
    "C6": ["at_most 1", "at_most 1", "at_most 19", "at_most 0.2"],
    "C7": ["largest at_most 108", "largest at_most 0.5"],
    "C8": [
        "largest at_most 0.01",
        "largest at_most 1",
        "equals lift_rank 19",
        "absolute 0.1",
        "equals noisy_lift_rank 55",
        "absolute 0.1",
    ],
    "C9": ["at_most 1.583333333", "at_most 1.75", "at_most 1.583333333", "at_most 1.75"],
    "C10": [
        "at_most 1.583333333",
        "median at_most 2.25",
        "at_most 1.583333333",
        "at_most 2.25",
        "largest at_most 1",
        "at_most 1",
        "largest at_most 1",
        "at_most 1",
    ],
    "C11": [
        "within 1 1",
        "largest at_most 1.02",
        "largest within 1.1 1.6",
        "smallest within 1.1 1.6",
    ],
    "C12": ["largest at_most 0.5", "smallest at_least 0.8"],
    "C13": ["largest at_most 1", "largest at_most 88.9", "median at_most 0.6", "largest below 1"],
    "C14": ["largest at_most 1", "largest at_most 1", "largest at_most 1"],
    "C15": ["within 1.5 2.7"],
    "C16": ["smallest at_least 1", "largest at_most 0.2"],
    "C17": ["largest below 1", "largest at_most 1", "largest at_most 1"],
    "C18": ["largest at_most 1", "largest at_most 1.15"],
    "C19": ["smallest at_least 1", "at_least 1", "at_least 1", "largest below 1", "at_most 1.75"],
}


def test_bounds_do_not_move():
    assert stated("sensitivity_sampling") == BOUNDS
