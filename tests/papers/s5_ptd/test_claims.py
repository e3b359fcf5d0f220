"""The claims of s5_ptd: complete, composable, and read from metrics that the tasks record."""

from __future__ import annotations

import pytest

from common.experiment import registry
from common.experiment.paths import PAPERS
from common.ledger.plan import composer
from common.ledger.relations import split
from tests.claim_bounds import stated

CLOSED_FORM = ("transfer_functions", "ptd_solver", "layer_equivalence")


def metrics_of(planned, task):
    return {
        name
        for claim in planned.claims
        for check in claim.checks.values()
        for of, _, name in map(split, check.metrics())
        if of == task
    }


def test_every_row_is_there(planned):
    assert [claim.id for claim in planned.claims] == [f"P{i}" for i in range(1, 12)]
    assert all("laptop" in claim.checks for claim in planned.claims)
    assert {c.id for c in planned.claims if "paper" in c.checks} == {"P1", "P6", "P7"}


def test_seeds(planned):
    seeds: dict[tuple[str, str], set[int]] = {}
    for run in planned.unique_runs("laptop"):
        seeds.setdefault((run.task, run.variant), set()).add(run.seed)
    for task in ("lra/listops", "lra/text", "lra/image"):
        assert seeds[task, "s5_ptd"] == seeds[task, "s5"] == set(range(5))
    for task in ("lra/retrieval", "lra/pathfinder", "lra/pathx"):
        assert seeds[task, "s5_ptd"] == {0, 1, 2}
    for model in ("s4_ptd", "s4d"):
        assert seeds["fourier_noise", model] == set(range(5))
    for model in ("s4_rand", "s4d_clip2"):
        assert seeds["fourier_noise", model] == {0, 1, 2}
    for ratio in ("0.001", "0.01", "0.1", "0.5"):
        assert seeds["perturbation_size", f"ratio_{ratio}"] == {0, 1}


def test_what_ordinary_machines_lack_is_said(planned):
    assert all(check.needs == "GPUs" for _, check, _ in planned.checks("paper"))
    assert [c.id for c, check, _ in planned.checks("laptop") if check.long] == ["P1"]


def test_the_laptop_ledger_fits_its_budget(planned):
    cost = {
        runs: check.cost_minutes for _, check, runs in planned.checks("laptop")
    }  # claims with the same runs are paid once
    assert sum(cost.values()) <= 45


def test_noise_is_read_at_the_frequencies_of_the_task(planned):
    # "{325.4255:g}" rounds to even: the name of the metric is not what one would guess.
    with composer() as compose:
        for task in ("fourier_noise", "fourier_noise_digits"):
            config = compose(["paper=s5_ptd", f"task={task}"], task)
            recorded = {f"accuracy_noise_{f:g}" for f in config.task.frequencies}
            assert metrics_of(planned, task) - {"accuracy"} <= recorded


def test_every_paper_with_claims_is_a_paper():
    assert {p.parent.name for p in PAPERS.glob("*/claims.yaml")} <= set(registry.papers())


@pytest.mark.slow
@pytest.mark.parametrize("task", CLOSED_FORM)
def test_the_closed_form_tasks_record_what_is_read(planned, task, tmp_path, monkeypatch):
    from tests.running import measured, run, run_folders

    done = run([f"task={task}", "scale=laptop", "trainer.threads=1"], tmp_path, timeout=280)
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(tmp_path, task)
    recorded = set(measured(folder)) | {"seconds_n16", "seconds_n32"}
    assert metrics_of(planned, task) <= recorded


BOUNDS = {
    "P1": [
        "lies_above lra/listops/s5_ptd/baseline_majority",
        "lies_above lra/text/s5_ptd/baseline_majority",
        "lies_above lra/retrieval/s5_ptd/baseline_majority",
        "lies_above lra/image/s5_ptd/baseline_majority",
        "lies_above lra/pathfinder/s5_ptd/baseline_majority",
        "lies_above -1",
        "lies_above -1",
        "lies_above -1",
    ],
    "P2": ["at_most 1", "within 1.9 2.1", "at_most 0.15", "within 0.6 0.66"],
    "P3": ["within 0.495 0.505", "within 0.63 0.66", "at_least 0.636619772368"],
    "P4": ["at_most 1e-10"],
    "P5": ["within 0.99 1.01", "within 0.98 1.02"],
    "P6": ["at_least 38", "at_least 38", "at_least 27", "at_most 18", "at_least 33"],
    "P7": ["within -1.1 -0.7", "is_at_least 0.01"],
    "P8": [
        "at_most 1",
        "below ptd_solver/closed_form/ginibre_complex_median_kappa",
        "below ptd_solver/closed_form/ginibre_real_median_kappa",
    ],
    "P9": ["above 10000", "above 10000000000", "above 1", "at_most 1e-16", "at_most 1e-10"],
    "P10": [
        "at_most 6.6",
        "at_most 0.051",
        "at_most 30",
        "at_most 8.4",
        "at_most 0.045",
        "at_most 30",
    ],
    "P11": ["at_most 1e-09", "at_most 1.001"],
}


def test_bounds_do_not_move():
    assert stated("s5_ptd") == BOUNDS
