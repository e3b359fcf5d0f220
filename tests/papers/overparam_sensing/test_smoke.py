"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry

TASKS = [
    "asymmetric",
    "global_convergence",
    "identities",
    "one_step",
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


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("symmetric", "task.eta=0", "eta=0"),
        ("symmetric", "task.eta=9", "stable below"),
        ("symmetric", "task.spectrum=[]", "task.spectrum"),
        ("symmetric", "task.steps_at=[400,200]", "ascending"),
        ("asymmetric", "task.width=0", "width=0; allowed: 1 or more"),
        ("asymmetric", "task.exact_steps=3", "a rate needs four"),
        ("asymmetric", "task.halved_alphas=[0.3,0.15]", "among them all of"),
        ("asymmetric", "task.alpha_steps=[4000]", "as many of both"),
        ("symmetric", "task.widths=[1]", "above the rank, 1"),
        ("sensing", "task.before=5000", "task.before=5000"),
        ("one_step", "task.betas=[0]", "allowed: above 0"),
        ("sensing", "task.measurements=0", "measurements=0; allowed: 1 or more"),
        ("rectangular", "task.rows=0", "rows=0; allowed: 1 or more"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err
