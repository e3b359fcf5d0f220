"""The claims of overparam_sensing, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": ["within -2.05 -1.7", "within -2.05 -1.7", "within 0.88 1", "within 0.88 1", "above 0"],
    "C2": ["below 1e-25", "at_most 0.001", "at_most 0.001"],
    "C3": ["at_most 0.002", "below 400", "at_most 0.003", "at_most 0.0001", "above 0.001"],
    "C4": ["at_most 0.25", "at_most 0.03", "at_most 0.03"],
    "C5": ["below 1e-20", "below 1e-12", "above 1e-06", "at_most 1e-14"],
    "C6": [
        "at_most 1e-12",
        "at_most 1e-12",
        "at_most 1e-12",
        "below 0.05",
        "within 1.8 2.2",
        "within 1.8 2.2",
        "within -2.05 -1.95",
        "at_most 0.1",
        "at_most 0.1",
        "at_most 0.01",
    ],
    "C7": ["within 3.5 4.5", "within 3.5 4.5", "within 3 4.5", "within 3 4.5"],
    "C8": ["at_most 0.001", "below 400", "at_most 1e-12"],
    "C9": ["at_most 0.002"],
    "C10": [
        "below 1e-25",
        "above 1e-06",
        "below 1e-15",
        "above 1e-07",
        "at_most 1e-20",
        "at_most 1e-18",
    ],
    "C11": ["below 1e-10", "below 1e-10", "within 0 0", "within 0 0"],
    "C12": [
        "below 1e-25",
        "above 1e-06",
        "within -2.05 -1.4",
        "within -2.05 -1.4",
        "below 1e-15",
        "below 1e-20",
    ],
    "C13": ["below 1e-18", "at_most 0.03", "below 1e-06", "below 1e-06", "below 1e-18"],
    "C14": ["at_most 400"],
    "C15": ["above 1e-05", "below 1e-14", "above 0.001", "within 0 0", "below 1e-20"],
}


def test_bounds_do_not_move():
    assert stated("overparam_sensing") == BOUNDS
