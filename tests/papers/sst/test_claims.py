"""The claims of sst: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

import yaml

from common.experiment.paths import PAPERS
from tests.claim_bounds import stated

LONG = {"S8r8", "S10", "S13", "S16"}


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims if claim.id != "S8r8"]
    assert ids == [f"S{i}" for i in range(1, 17)]
    assert all({"laptop", "paper"} == set(claim.checks) for claim in planned.claims)


def test_what_is_long_says_so(planned):
    assert {c.id for c in planned.claims if c.checks["laptop"].long} == LONG


BOUNDS = {
    "S1": ["at_most 1e-10", "at_most 1e-10", "at_most 1e-10", "above 0.001"],
    "S2": ["at_most 1e-10"],
    "S3": ["below 5", "below 0"],
    "S4": ["at_most 0.015", "at_most 0", "at_most 0", "above 0"],
    "S5": ["at_most 0", "at_most 0", "within 18.6 18.8"],
    "S6": ["smallest at_least 0.999", "largest below 0.1"],
    "S7": ["largest at_most 0", "smallest above 0", "above 0"],
    "S9": [
        bound
        for name, target in (
            ("opt_125m", 67.6),
            ("opt_350m", 52.4),
            ("opt_1_3b", 50),
            ("llama_130m", 65.8),
            ("llama_1_3b", 97.4),
        )
        for bound in (f"equals {name} {target}", "absolute 0.1")
    ],
    "S10": ["above 0", "above 0", "above 0", "largest at_most 0.001"],
    "S11": ["at_least -0.5", "beyond 1", "at_least 40"],
    "S12": [
        "at_most sampling_rules/tiny/sst_top_loss",
        "at_most sampling_rules/tiny/sst_random_start_loss",
    ],
    "S13": ["above 0", "above 0"],
    "S14": ["largest at_most 0", "at_most 3"],
    "S15": ["below 0", "in_seeds 2"],
    "S16": ["at_least 0", "at_least 0"],
}


def test_bounds_do_not_move():
    found = stated("sst")
    for name in ("S8", "S8r8"):
        low = found.pop(name)
        assert [b.split("/")[-1] for b in low[:2]] == ["perplexity", "perplexity"]
        assert low[2:] == ["at_least 40"]
    assert found == BOUNDS


def test_every_method_has_three_rates_in_seed_0():
    content = yaml.safe_load((PAPERS / "sst" / "claims.yaml").read_text())["claims"]
    for claim in ("S8", "S10", "S16"):
        runs = next(c for c in content if c["id"] == claim)["checks"]["laptop"]["runs"]
        for run in runs:
            rates = run.get("for_each", {}).get("lr", [])
            assert (len(rates) == 3) == (run["seeds"] == [0])
