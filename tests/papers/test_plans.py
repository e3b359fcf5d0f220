"""Every paper's plan of runs, which git keeps, is the one that composes from its claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.experiment.paths import PAPERS
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from common.ledger.plan import plan

WITH_CLAIMS = sorted(path.parent.name for path in PAPERS.glob("*/claims.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("paper", WITH_CLAIMS)
def test_the_plan_in_git_is_what_composes(paper, tmp_path):
    kept = KeptPlan.of(paper, Folders.default())
    planned = plan(paper, kept.claims, replace(kept, folder=tmp_path))
    composed = plan(paper, kept.claims)
    assert (composed.title, composed.runs) == (planned.title, planned.runs)
