"""The claims of private_similarity, with the bounds that were fixed before the runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import plan
from tests.claim_bounds import stated

KEPT = KeptPlan.of("private_similarity", Folders.default())


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """As git keeps it; one test composes it anew."""
    kept = replace(KEPT, folder=tmp_path_factory.mktemp("plans"))
    return plan("private_similarity", KEPT.claims, kept)


def test_every_claim_can_be_run_here(planned):
    assert all("laptop" in claim.checks for claim in planned.claims)


@pytest.mark.slow
def test_the_plan_in_git_is_what_composes(planned):
    composed = plan("private_similarity", KEPT.claims)
    assert (composed.title, composed.runs) == (planned.title, planned.runs)


BOUNDS = {
    "C1": ["at_least 1", "at_most 1e-09", "at_most 1", "at_most 0"],
    "C2": ["within 0.9 1.1", "within 0.9 1.1", "within -1.02 -0.98", "at_most 2"],
    "C3": ["within 1.4 1.6", "within 1.4 1.6"],
    "C4": ["at_most -0.9", "within -0.65 -0.4", "below 1"],
    "C5": ["within 0.92 1.08", "within 0.92 1.08", "within 0.9 1.1", "within 0.9 1.1"],
    "C6": ["at_most 1e-10", "within 0.95 1.05", "within 0.95 1.05", "at_most 1.2"],
    "C7": ["at_most 4", "below 0.25"],
    "C8": ["at_most 0.1", "at_most 2", "at_least 2.75"],
    "C9": ["within 0.5 2", "at_least 0.95", "at_most 1.05", "within -0.6 -0.4", "at_most 1.05"],
    "C10": [
        "at_most 0.002",
        "at_most 0.0003",
        "at_most 6.5e-05",
        "at_most 5.5e-06",
        "above 0",
        "within 0.99 1",
        "within 0.99 1",
        "at_most 0.05",
    ],
    "C11": ["at_least 0.1"],
    "C12": ["at_least -3", "at_least 100"],
    "C13": ["at_most 0", "above 0"],
    "C14": ["at_most 0", "at_most 0"],
}


def test_bounds_do_not_move():
    assert stated("private_similarity") == BOUNDS
