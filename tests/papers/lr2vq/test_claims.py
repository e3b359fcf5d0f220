"""The claims of lr2vq: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from tests.claim_bounds import stated


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == ["V1", "V2", "V3", "V4", "V5", "V5b", "V6", "V7", "V8"]
    assert all("laptop" in claim.checks for claim in planned.claims)


BOUNDS = {
    "V1": ["at_most 1e-06", "at_most 0", "at_most 0.02"],
    "V2": ["within -0.03 0.03", "at_most -0.4"],
    "V3": ["within 42.5 43.5", "within 30.5 31.5", "within 28.5 29.5", "within 18.5 19.5"],
    "V4": ["at_least 0"],
    "V5": ["within 8 8", "is_at_least 6", "at_least 10", "at_least 10"],
    "V5b": ["above 0", "above 0", "above 0", "above 0"],
    "V7": ["at_least 10", "above 0"],
    "V8": ["at_most 1e-05", "within 0 0"],
}


def test_bounds_do_not_move():
    assert stated("lr2vq") == BOUNDS
