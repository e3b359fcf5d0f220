"""The claims of s4d: complete, affordable, and read from metrics that its tasks record."""

from __future__ import annotations

import json

import pytest

from common.ledger.relations import split
from tests.claim_bounds import stated
from tests.running import run

CLOSED_FORM = ("asymptotics", "initial_delay", "kernel_agreement", "limit_theorem", "rate_change")


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
    "D1": [
        "within -3 3",
        "within -3 3",
        "within -3 3",
        "within -3 3",
        "within -3 3",
        "within -3 3",
    ],
    "D2": ["lies_within -2 2", "at_least 30", "at_least 30"],
    "D3": ["at_most 0.31", "at_most 0.06", "at_most 0.012", "at_least 4", "above 0.5"],
    "D4": ["within 0.45 0.55"],
    "D5": [
        "at_most 0.45",
        "at_most 0.7",
        "at_most 0.7",
        "at_least 0.9",
        "at_least 0.9",
        "at_least 0.9",
        "at_least 0.9",
        "at_least 1",
        "standard_errors 2",
    ],
    "D6": ["at_most 1e-10", "at_most 1e-10", "at_most 1e-10"],
    "D7": ["at_most 2.5", "at_least 1"],
    "D8": ["within 0.5215 0.5237", "at_most 1e-10", "at_most 1e-10"],
    "D9": ["at_most 1e-06", "at_most 1e-06"],
    "D10": ["at_most 0.02"],
}


def test_bounds_do_not_move():
    assert stated("s4d") == BOUNDS
