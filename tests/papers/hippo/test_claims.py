"""The claims of hippo: complete, and read from metrics that its tasks record."""

from __future__ import annotations

import pytest
import yaml

from common.experiment.paths import PAPERS
from common.ledger.plan import plan
from common.ledger.relation_syntax import split
from tests.running import run

SYNTHETIC = ("orthogonal_bases", "timescale", "delay", "approximation_rate", "dplr_exact")


@pytest.fixture(scope="module")
def planned():
    return plan("hippo", PAPERS / "hippo" / "claims.yaml")


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
    "H3": [1e-10, 1e-10, 1e-8],
    "H4": [0.14, 0.06, 0.012, 0.09, 0.02, 0.005, 2.3, 6],
    "H5": [1e-10, 1e-9]
    + [
        x * (1 + e) for x in (1.58825e-4, 4.56863e-13, 1.3543e-2, 5.7171e-13) for e in (-0.01, 0.01)
    ],
    "H6": [1e-10, 1e-10, 1, 1e-8],
    "H7": [0, 0, 0, 2, 3],
    "H8": [1.5, 8],
    "H9": [0.5, 0.68, 0.05, 0.15, 0.5, 0.95],
    "H10": [-0.56, -0.44, -1.56, -1.44],
    "H1": [1, 2, -3, 3],
    "H2": [60],
    "H11": [1e-6, 1e-6, 1e-10],
}
WORDS = (
    "at_least", "at_most", "above", "below", "within", "lies_above", "lies_below",
    "standard_errors",
)  # fmt: skip


def numbers(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in WORDS:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from numbers(value)
    elif isinstance(node, list):
        for item in node:
            yield from numbers(item)


def test_bounds_do_not_move():
    content = yaml.safe_load((PAPERS / "hippo" / "claims.yaml").read_text())
    got = {
        claim["id"]: sorted(
            float(x)
            for x in numbers(claim["checks"]["laptop"]["relation"])
            if not (isinstance(x, str) and "/" in x)
        )
        for claim in content["claims"]
    }
    for claim, wanted in BOUNDS.items():
        assert got[claim] == pytest.approx(sorted(wanted), rel=1e-5, abs=0), claim
