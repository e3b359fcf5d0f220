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
        ("symmetric", "task.spectrum=[]", "allowed: 1 to"),
        ("symmetric", "task.steps_at=[0,400]", "ascending"),
        ("asymmetric", "task.width=0", "sizes of 1 or more"),
        ("asymmetric", "task.exact_steps=3", "a rate needs four"),
        ("one_step", "task.betas=[0]", "beta=0"),
        ("sensing", "task.measurements=0", "0 measurements"),
        ("rectangular", "task.rows=0", "allowed: 1 to 0"),
    ],
)
def test_settings_are_refused(task, override, said, smoke):
    status, record = smoke(task, override)
    assert status == 2
    assert said in record["reason"]
