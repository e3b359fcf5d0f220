"""The claims of flora, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "F1": ["at_most 1e-12", "at_most 1e-12", "within 0 0"],
    "F2": ["at_most 1e-05", "at_most 1e-06"],
    "F3": [
        "within 20492 20492",
        "within 147456 147456",
        "within 81920 81920",
        "within 49208 49208",
        "within 1605632 1605632",
        "within 819200 819200",
    ],
    "F4": ["at_most 1e-12", "above 0.1"],
    "F5": ["at_least 0.6"],
    "F6": ["within 0 0", "at_most 1e-08"],
    "F7": ["within 0 0", "within 0 0"],
    "F8": [
        "at_least 0",
        "standard_errors 2",
        "at_least 0",
        "standard_errors 2",
        "at_least 0",
        "standard_errors 2",
        "at_least 0",
        "standard_errors 2",
        "at_least 0",
        "standard_errors 2",
        "at_least 0",
        "standard_errors 2",
    ],
    "F9": ["at_least -1.5", "at_least -1.5", "at_least -1.5"],
    "F10": ["standard_errors -2", "standard_errors -2"],
    "F11": ["within 2560 2560", "within 40960 40960", "within 163840 163840"],
    "F12": ["at_most 1", "at_most 1.25", "at_most 1", "at_most 1.25"],
    "F13": ["above 0", "above 0", "above 0", "above 0"],
    "F14": ["at_most 0", "at_least 0", "at_most 1e-10", "at_most 1e-10"],
    "F15": ["lies_within -0.5 0.5"],
}


def test_bounds_do_not_move():
    assert stated("flora") == BOUNDS
