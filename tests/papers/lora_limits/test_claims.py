"""The claims of lora_limits: complete, with the bounds that were fixed before the runs."""

from __future__ import annotations

import pytest

from common.ledger.relations import split
from tests.claim_bounds import named, stated


def test_every_row_is_there(planned):
    assert [claim.id for claim in planned.claims] == [f"E{i}" for i in range(1, 13)]
    by_id = {claim.id: claim for claim in planned.claims}
    assert all("laptop" in claim.checks for name, claim in by_id.items() if name != "E12")
    assert by_id["E12"].kind == by_id["E10"].kind == "theory"
    assert by_id["E12"].measured_by == ["E8", "E10"]
    paper = [check for claim in planned.claims if (check := claim.checks.get("paper"))]
    assert len(paper) == 3
    assert all(check.needs for check in paper)


@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    [
        "adapter_norm",
        "capped_training",
        "closed_forms",
        "gradient_error",
        "phase_transition",
        "scaling",
        "threshold",
    ],
)
def test_the_tasks_record_what_is_read(planned, task, smoke):
    read = {
        name
        for claim in planned.claims
        if "laptop" in claim.checks
        for of, _, name in map(split, claim.checks["laptop"].metrics())
        if of == task
    }
    status, record = smoke(task, scale="laptop")
    assert status == 0, record["reason"]
    assert read <= set(record["metrics"])


FALLING = [f"largest below {bound}" for bound in ("0.005", "2e-05", "1e-07", "1e-09")]
GAMMAS = (50, 100, 150, 200)
DEGREES = [5, 7, 11, 19, 33, 4, 6, 8, 13, 22]
BOUNDS = {
    "E1": ["largest at_most 1e-10", "largest at_most 1e-12"],
    "E2": [
        "in_seeds 5",
        "within 4 4",
        "largest at_most 60",
        "largest at_most 15",
        "in_seeds 5",
        "within 64 64",
    ],
    "E3": ["largest at_most 1e-12", "largest at_most 0"],
    "E4": [
        *FALLING,
        named("order", "{weight}_g", (2, 4, 6, 8)),
        "largest at_most 1",
        "largest at_most 1",
    ],
    "E5": [*FALLING, named("order", "{weight}_{factor}_g", (2, 4, 6, 8))],
    "E6": ["at_most 1.15", "at_least 1.8", "at_least 20", "largest at_most 0.001"],
    "E7": ["largest below 200", "largest below 1"],
    "E8": [
        *(f"within {g} {g}" for g in DEGREES),
        named("monotone rising", "fast_seconds_gamma", GAMMAS),
        named("monotone rising", "features_gamma", GAMMAS),
        "above 0",
    ],
    "E9": ["smallest above 0", "smallest at_least 0", "smallest at_least 3"],
    "E10": [
        named("monotone falling", "exponent_s{s}_e", range(1, 7)),
        named("monotone rising", "exponent_s100_e", range(1, 7)),
        "above 1",
    ],
    "E11": ["largest at_most 0.01", "smallest at_least 0.999"],
}


def test_bounds_do_not_move():
    assert stated("lora_limits") == BOUNDS
