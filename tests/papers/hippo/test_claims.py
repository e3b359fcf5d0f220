"""The claims of hippo: complete, and read from metrics that its tasks record."""

from __future__ import annotations

import pytest

from common.ledger.relations import split
from tests.claim_bounds import stated
from tests.running import run

SYNTHETIC = ("orthogonal_bases", "timescale", "delay", "approximation_rate", "dplr_exact")


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert ids == [f"H{i}" for i in range(1, 12)]
    assert all("laptop" in claim.checks for claim in planned.claims)
    assert {"H8", "H9"} <= {c.id for c in planned.claims if "paper" in c.checks}


@pytest.mark.slow
@pytest.mark.parametrize("task", SYNTHETIC)
def test_the_tasks_record_what_is_read(planned, task, tmp_path):
    import json

    read = {
        name
        for claim in planned.claims
        for of, _, name in map(split, claim.checks["laptop"].metrics())
        if of == task
    }
    arguments = ["paper=hippo", f"task={task}", "scale=laptop", "trainer.threads=1"]
    done = run(arguments, tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "hippo" / task).iterdir()
    recorded = json.loads((folder / "record.json").read_text())["metrics"]
    assert read <= set(recorded)


BOUNDS = {
    "H1": ["at_least 1", "standard_errors 2", "within -3 3"],
    "H2": ["at_least 60"],
    "H3": ["at_most 1e-10", "at_most 1e-08", "at_most 1e-10"],
    "H4": [
        "at_most 0.14",
        "at_most 0.06",
        "at_most 0.012",
        "at_most 0.09",
        "at_most 0.02",
        "at_most 0.005",
        "within 2.3 6",
    ],
    "H5": [
        "within 0.000157237 0.000160413",
        "within 4.52294e-13 4.61432e-13",
        "within 0.0134076 0.0136784",
        "within 5.65993e-13 5.77427e-13",
        "at_most 1e-10",
        "at_most 1e-09",
    ],
    "H6": ["at_most 1e-10", "at_most 1e-10", "above 1", "at_most 1e-08"],
    "H7": ["within 0 0", "within 0 2", "at_least 3"],
    "H8": [
        "below timescale/closed_form/legt_mse_k0",
        "below timescale/closed_form/legs_mse_k0",
        "at_least 1.5",
        "at_least 8",
    ],
    "H9": [
        "at_most 0.5",
        "at_least 0.68",
        "at_most 0.05",
        "at_most 0.15",
        "at_least 0.5",
        "at_least 0.95",
    ],
    "H10": ["within -0.56 -0.44", "within -1.56 -1.44"],
    "H11": ["at_most 1e-06", "at_most 1e-10"],
}


def test_bounds_do_not_move():
    assert stated("hippo") == BOUNDS
