"""The claims of subgm, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["largest at_most 1"],
    "C2": [
        "smallest within 1.2 2.2",
        "largest within 1.2 2.2",
        "smallest within -0.6 -0.4",
        "largest within -0.6 -0.4",
    ],
    "C3": ["largest at_most 1e-13"],
    "C4": ["largest at_most 1.2", "smallest at_least 8", "smallest at_least 100"],
    "C5": [
        "smallest above 0",
        "median within 0.9 1.4",
        "median within 1.4 1.65",
        "median within 1.6 1.85",
        "largest at_most 2",
    ],
    "C6": ["largest below 0.006", "largest below 0.05", "smallest above 1", "smallest above 0.5"],
    "C7": ["largest below 0.002", "largest below 0.05", "smallest above 5", "at_most 0.5"],
    "C8": [
        "smallest within 0.9 1.5",
        "largest within 0.9 1.5",
        "largest at_most 0.1",
        "smallest at_least 1.15",
    ],
    "C9": ["largest below 1", "largest at_most 0.6", "smallest above 1.4"],
    "C10": ["largest below 0.05", "within -1 1", "within -1 1", "at_most 5"],
    "C11": ["smallest at_least 4"],
    "C12": ["largest at_most 1e-10"],
    "C13": [
        "largest at_most 160",
        "smallest within -1.1 -0.75",
        "largest within -1.1 -0.75",
        "smallest at_least 10000",
    ],
    "C14": ["median at_most 5"],
    "C15": [
        "smallest at_least 10",
        "smallest at_least 10",
        "smallest at_least 5",
        "smallest above 1",
    ],
}


def test_bounds_do_not_move():
    assert stated("subgm") == BOUNDS
