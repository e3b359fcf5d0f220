"""The claims of hierarchical_polynomials, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "H1": [
        "median at_least 0.82",
        "median at_least 0.87",
        "largest at_most 0.01",
        "median at_least 0.93",
    ],
    "H2": ["within 1.2 2.5", "order balanced/exponent radial/exponent"],
    "H3": [
        "median at_most 0.42",
        "median at_most 0.3",
        "monotone falling mse_n4096 mse_n8192 mse_n16384",
        "median at_most 0.2",
        "median at_most 0.13",
    ],
    "H4": [
        "median at_least 1",
        "median at_least 0.9",
        "medians_of kernel_ridge/{kernel}/mse_n{n} layerwise_training/balanced/mse_n{n}",
        "above 0",
        "at_least 2.5",
    ],
    "H5": ["largest at_most 4", "median within 1.425 1.575"],
    "H6": ["at_most 1.5"],
    "H7": ["median at_least 0.05"],
    "H8": ["median at_most 0.1", "median at_least 0.85"],
    "H9": ["largest at_most 0.01", "largest at_most 0.01", "largest at_most 4"],
    "H10": ["median at_least 0.88"],
    "H11": ["largest at_most 1", "largest at_most 1e-06"],
    "H12": ["median at_least 0.9", "below 0", "in_seeds 4"],
}


def test_bounds_do_not_move():
    assert stated("hierarchical_polynomials") == BOUNDS
