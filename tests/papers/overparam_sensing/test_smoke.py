"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry

TASKS = [
    "asymmetric",
    "global_convergence",
    "identities",
    "one_step",
    "overparam_ablations",
    "rectangular",
    "sensing",
    "symmetric",
]


def test_every_task_is_covered():
    assert set(TASKS) == set(registry.tasks("overparam_sensing"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


def test_identities_hold_in_the_task(smoke):
    _, record = smoke("identities")
    found = record["metrics"]
    exact = [name for name in found if name.startswith(("imbalance_", "outside_"))]
    assert len(exact) == 6
    assert [name for name in exact if found[name] > 1e-12] == ["imbalance_alternating"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("symmetric", "task.eta=0", "eta=0"),
        ("symmetric", "task.eta=9", "stable below"),
        ("symmetric", "task.spectrum=[]", "task.spectrum"),
        ("symmetric", "task.steps_at=[400,200]", "ascending"),
        ("symmetric", "task.widths=[1]", "task.widths=[1]"),
        ("symmetric", "task.size=1", "below task.size"),
        ("symmetric", "task.unequal=[0.5,0.2]", "1 values, as in task.spectrum"),
        ("symmetric", "task.error_at=500", "1 to task.exact_steps=400"),
        ("symmetric", "task.ratio_above=10", "a ratio needs two"),
        ("asymmetric", "task.width=0", "width=0; allowed: 1 or more"),
        ("asymmetric", "task.halved_alphas=[0.3,0.15]", "two or more of task.alphas=[1.0, 0.5]"),
        ("asymmetric", "task.halved_alphas=[0.5,1.0]", "each half of the one before"),
        ("asymmetric", "task.scaled_alphas=[0.3]", "task.scaled_alphas=[0.3]; allowed: two"),
        ("asymmetric", "task.alpha_steps=[4000]", "of steps for every scale"),
        ("asymmetric", "task.exact_steps=3", "a rate needs four"),
        ("one_step", "task.betas=[0]", "allowed: above 0"),
        ("overparam_ablations", "task.widths=[1]", "task.widths=[1]; allowed: above 1"),
        ("overparam_ablations", "task.before=[9,5]", "ascending"),
        ("sensing", "task.before=500", "task.before=500; allowed: below task.steps=400"),
        ("global_convergence", "task.monotone_from=300", "allowed: below task.steps=300"),
        ("sensing", "task.measurements=0", "measurements=0; allowed: 1 or more"),
        ("rectangular", "task.rows=0", "rows=0; allowed: 1 or more"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err
