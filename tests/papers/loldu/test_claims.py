"""The claims of loldu, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "U1": ["at_most 1e-12", "at_most 3e-06", "at_most 3e-06", "at_most 1e-05"],
    "U2": [
        "within 24 24",
        "within 18432 18432",
        "within 18456 18456",
        "within 16384 16384",
        "within 0.000243 0.0002435",
        "within 0 0",
        "within 2048 2048",
    ],
    "U3": ["at_most 1e-10", "at_most 1"],
    "U4": ["below 1e-06", "below 1e-06"],
    "U5": ["at_most 1e-10", "at_most 1e-10", "within 0 0", "at_most 1e-10"],
    "U6": ["within 0 0", "below 1", "below 1"],
    "U7": ["within 0.025 0.037", "at_most 1e-08"],
    "U8": ["at_least 2", "at_least 2"],
    "U9": ["at_least 0.8"],
    "U10": ["at_least -2", "above 0", "largest at_most 1e-05", "smallest above 1e-05"],
    "U11": ["is_at_least 0.001", "at_least 10", "at_least 10", "at_least 10"],
    "U12": ["at_least 0"],
    "U14": ["below 0", "in_seeds 5"],
    "U15": ["at_least 0", "standard_errors 2"],
    "U16": ["at_most 1e-05", "within 0 0"],
}


def test_bounds_do_not_move():
    assert stated("loldu") == BOUNDS
