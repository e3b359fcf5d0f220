"""The claims of lord: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated

READ_NO_PERPLEXITY = {"L1", "L6"}


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == [f"L{i}" for i in range(1, 11)]
    assert all({"laptop", "paper"} == set(claim.checks) for claim in planned.claims)
    assert all(claim.checks["paper"].needs for claim in planned.claims)


BOUNDS = {
    "L1": [
        "largest at_most 1e-08",
        "at_most 1e-08",
        "at_most 1e-08",
        "at_least output_error/random_layer/competitors",
        "at_least encoder_features/minilm/competitors",
        "at_least lm_features/reference/competitors",
        "largest at_most 1e-08",
        "at_most 1e-08",
        "at_most 1e-08",
    ],
    "L2": [
        "at_least 90",
        "at_least 90",
        "below lm_features/reference/half_rank_svd",
        "below lm_features/reference/five_gram_perplexity",
    ],
    "L3": ["at_least 39.58", "above 0", "below rank_sensitivity/afm_layer/five_gram_perplexity"],
    "L4": [
        "within 13.15 13.25",
        "within 12.25 12.35",
        "at_most 0.5",
        "at_most 0.5",
        "below parameter_cuts/reference/five_gram_perplexity",
    ],
    "L5": ["below 60", "below one_shot_cost/reference/five_gram_perplexity"],
    "L6": ["at_least 1.15", "within 0.75 1.25"],
    "L7": ["at_most 1", "below quantised_factors/reference/five_gram_perplexity"],
    "L8": ["at_most 0", "at_least 0.8", "below adapters/factors/five_gram_perplexity"],
    "L9": ["at_least 30", "below trainability/reference/five_gram_perplexity"],
    "L10": [
        "below monolingual/reference/mixed_{kind}",
        "below monolingual/reference/five_gram_perplexity",
    ],
}


def test_bounds_do_not_move():
    assert stated("lord") == BOUNDS


def test_the_gate_stands_in_every_claim_that_reads_a_perplexity():
    for claim, bounds in stated("lord").items():
        gated = any(bound.endswith("five_gram_perplexity") for bound in bounds)
        assert gated == (claim not in READ_NO_PERPLEXITY), claim
