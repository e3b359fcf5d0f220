"""The claims of overparam_sensing, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "C1": [
        "largest within -2.05 -1.7",
        "smallest within -2.05 -1.7",
        "smallest within 0.88 1",
        "largest within 0.88 1",
        "smallest above 0",
    ],
    "C2": ["largest below 1e-25", "largest at_most 0.001", "largest at_most 0.001"],
    "C3": [
        "largest at_most 0.002",
        "largest below 400",
        "largest at_most 0.003",
        "largest at_most 0.0001",
        "smallest above 0.001",
    ],
    "C4": ["largest at_most 0.25", "largest at_most 0.03", "median at_most 0.03"],
    "C5": [
        "median below 1e-20",
        "largest below 1e-12",
        "smallest above 1e-06",
        "largest at_most 1e-14",
    ],
    "C6": [
        "largest at_most 1e-12",
        "largest at_most 1e-12",
        "largest at_most 1e-12",
        "largest below 0.05",
        "smallest within 1.8 2.2",
        "largest within 1.8 2.2",
        "within -2.05 -1.95",
        "at_most 0.1",
        "at_most 0.1",
        "at_most 0.01",
    ],
    "C7": [
        "smallest within 3.5 4.5",
        "largest within 3.5 4.5",
        "smallest within 3 4.5",
        "largest within 3 4.5",
    ],
    "C8": ["largest at_most 0.001", "largest below 400", "largest at_most 1e-12"],
    "C9": ["largest at_most 0.002"],
    "C10": [
        "largest below 1e-25",
        "smallest above 1e-06",
        "largest below 1e-15",
        "smallest above 1e-07",
        "median at_most 1e-20",
        "largest at_most 1e-18",
    ],
    "C11": ["below 1e-10", "below 1e-10", "within 0 0", "within 0 0"],
    "C12": [
        "largest below 1e-25",
        "smallest above 1e-06",
        "smallest within -2.05 -1.4",
        "largest within -2.05 -1.4",
        "largest below 1e-15",
        "largest below 1e-20",
    ],
    "C13": [
        "largest below 1e-18",
        "largest at_most 0.03",
        "largest below 1e-06",
        "largest below 1e-06",
        "largest below 1e-18",
    ],
    "C14": ["largest at_most 400"],
    "C15": [
        "smallest above 1e-05",
        "largest below 1e-14",
        "smallest above 0.001",
        "largest within 0 0",
        "median below 1e-20",
    ],
}


def test_bounds_do_not_move():
    assert stated("overparam_sensing") == BOUNDS
