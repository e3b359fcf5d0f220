"""The claims of subgm, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["at_most 1"],
    "C2": ["within 1.2 2.2", "within 1.2 2.2", "within -0.6 -0.4", "within -0.6 -0.4"],
    "C3": ["at_most 1e-13"],
    "C4": ["at_most 1.2", "at_least 8", "at_least 100"],
    "C5": ["above 0", "within 0.9 1.4", "within 1.4 1.65", "within 1.6 1.85", "at_most 2"],
    "C6": ["below 0.006", "below 0.05", "above 1", "above 0.5"],
    "C7": ["below 0.002", "below 0.05", "above 5", "at_most 0.5"],
    "C8": ["within 0.9 1.5", "within 0.9 1.5", "at_most 0.1", "at_least 1.15"],
    "C9": ["below 1", "at_most 0.6", "above 1.4"],
    "C10": ["below 0.05", "within -1 1", "within -1 1", "at_most 5"],
    "C11": ["at_least 4"],
    "C12": ["at_most 1e-10"],
    "C13": ["at_most 160", "within -1.1 -0.75", "within -1.1 -0.75", "at_least 10000"],
    "C14": ["at_most 5"],
    "C15": ["at_least 10", "at_least 10", "at_least 5", "above 1"],
}


def test_bounds_do_not_move():
    assert stated("subgm") == BOUNDS
