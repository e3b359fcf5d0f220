"""The claims of lr2vq: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import plan
from tests.claim_bounds import stated

KEPT = KeptPlan.of("lr2vq", Folders.default())


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """As git keeps it; one test composes it anew."""
    kept = replace(KEPT, folder=tmp_path_factory.mktemp("plans"))
    return plan("lr2vq", KEPT.claims, kept)


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == ["V1", "V2", "V3", "V4", "V5", "V5b", "V6", "V7", "V8"]
    assert all("laptop" in claim.checks for claim in planned.claims)


@pytest.mark.slow
def test_the_plan_in_git_is_what_composes(planned):
    composed = plan("lr2vq", KEPT.claims)
    assert (composed.title, composed.runs) == (planned.title, planned.runs)


BOUNDS = {
    "V1": ["at_most 1e-06", "at_most 0", "at_most 0.02"],
    "V2": ["within -0.03 0.03", "at_most -0.4"],
    "V3": ["within 42.5 43.5", "within 30.5 31.5", "within 28.5 29.5", "within 18.5 19.5"],
    "V4": ["at_least 0"],
    "V5": ["within 8 8", "is_at_least 6", "at_least 10", "at_least 10"],
    "V5b": ["above 0"] * 4,
    "V7": ["at_least 10", "above 0"],
    "V8": ["at_most 1e-05", "within 0 0"],
}


def test_bounds_do_not_move():
    assert stated("lr2vq") == BOUNDS
