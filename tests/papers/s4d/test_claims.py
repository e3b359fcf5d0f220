"""The claims of s4d: complete, affordable, and read from metrics that its tasks record."""

from __future__ import annotations

import json

import pytest
import yaml

from common.experiment.paths import PAPERS
from common.ledger.plan import plan
from common.ledger.relation_syntax import split
from tests.running import run

CLOSED_FORM = ("asymptotics", "initial_delay", "kernel_agreement", "limit_theorem", "rate_change")


@pytest.fixture(scope="module")
def planned():
    return plan("s4d", PAPERS / "s4d" / "claims.yaml")


def read_of(planned, task):
    return {
        name
        for claim in planned.claims
        for of, _, name in map(split, claim.checks["laptop"].metrics())
        if of == task
    }


def test_every_row_is_there(planned):
    ids = [claim.id for claim in planned.claims]
    assert [i for i in ids if i in {f"D{n}" for n in range(1, 11)}] == [
        f"D{n}" for n in range(1, 11)
    ]
    assert all("laptop" in claim.checks for claim in planned.claims)
    assert {"D1", "D2", "D5"} <= {c.id for c in planned.claims if "paper" in c.checks}


def test_seeds(planned):
    seeds: dict[tuple[str, str], set[int]] = {}
    for planned_run in planned.unique_runs("laptop"):
        key = (planned_run.task, planned_run.variant)
        seeds.setdefault(key, set()).add(planned_run.seed)
    grey = "sequential/cifar_grey"
    for model in ("s4_legs", "s4d_legs"):
        assert seeds[grey, model] == set(range(5))
    for model in ("s4d_inv", "s4d_lin", "s4d_real", "s4d_random_imag"):
        assert seeds[grey, model] == {0, 1, 2}
    for model in ("s4_legs", "s4d_legs", "s4d_inv", "s4d_lin"):
        assert seeds["lra/listops", model] == {0, 1, 2}
    for transform in ("exp", "relu", "none"):
        for rule in ("zoh", "bilinear"):
            assert seeds["parameterisation", f"s4d_lin_{transform}_{rule}_folded"] == {0, 1}


def test_the_laptop_ledger_fits_its_budget(planned):
    cost = {runs: check.cost_minutes for _, check, runs in planned.checks("laptop")}
    assert sum(cost.values()) <= 45


@pytest.mark.parametrize("task", [pytest.param(t, marks=pytest.mark.slow) for t in CLOSED_FORM])
def test_the_closed_form_tasks_record_what_is_read(planned, task, tmp_path):
    arguments = ["paper=s4d", f"task={task}", "scale=laptop", "trainer.threads=1"]
    done = run(arguments, tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "s4d" / task).iterdir()
    recorded = json.loads((folder / "record.json").read_text())["metrics"]
    assert read_of(planned, task) <= set(recorded)


BOUNDS = {
    "D1": [-3, 3] * 6,
    "D2": [-2, 2, 30, 30],
    "D3": [0.31, 0.06, 0.012, 4, 0.5],
    "D4": [0.45, 0.55],
    "D5": [0.45, 0.7, 0.7, 0.9, 0.9, 0.9, 0.9, 1],
    "D6": [1e-10, 1e-10, 1e-10],
    "D7": [2.5, 1],
    "D8": [0.5215, 0.5237, 1e-10, 1e-10],
    "D9": [1e-6, 1e-6],
    "D10": [0.02],
}
WORDS = ("at_least", "at_most", "above", "below", "within", "lies_within")


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
    content = yaml.safe_load((PAPERS / "s4d" / "claims.yaml").read_text())
    relations = {c["id"]: c["checks"]["laptop"]["relation"] for c in content["claims"]}
    for claim, wanted in BOUNDS.items():
        assert sorted(numbers(relations[claim])) == pytest.approx(sorted(wanted), abs=0), claim


def test_a_difference_needs_twice_its_standard_error():
    content = yaml.safe_load((PAPERS / "s4d" / "claims.yaml").read_text())
    (d5,) = (c for c in content["claims"] if c["id"] == "D5")
    (trained,) = (r for r in d5["checks"]["laptop"]["relation"]["all"] if "(b)" in r["name"])
    assert trained["standard_errors"] == 2
