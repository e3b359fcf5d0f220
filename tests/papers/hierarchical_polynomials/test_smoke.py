"""One smoke run of each task through the real entry, and the settings that are refused."""

from __future__ import annotations

import pytest

from common.experiment import registry

TASKS = [
    "end_to_end",
    "finite_dimension",
    "kernel_ridge",
    "last_layer",
    "layerwise_training",
    "one_gradient_step",
    "ridge_descent",
    "sample_complexity",
]


def test_every_task_is_covered():
    assert set(TASKS) == set(registry.tasks("hierarchical_polynomials"))


@pytest.mark.parametrize("task", TASKS)
def test_smoke(task, smoke):
    status, record = smoke(task)
    assert status == 0, record["reason"]
    assert record["status"] == "completed"
    assert record["metric"] in record["metrics"]


@pytest.mark.parametrize(
    ("task", "override", "said"),
    [
        ("layerwise_training", "task.feature=cubes", "allowed: one of balanced"),
        ("layerwise_training", "task.ridges=[0]", "allowed: above 0"),
        ("layerwise_training", "task.samples=[4]", "allowed: 10 or more"),
        ("layerwise_training", "task.link=[1.0]", "is constant"),
        ("kernel_ridge", "task.kernel=laplace", "allowed: one of gaussian"),
        ("ridge_descent", "task.ridge=nan", "above 0"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err


def test_ablations_run(smoke):
    for override in ("task.skip=false", "task.shift=false", "task.split=false"):
        status, record = smoke("layerwise_training", override)
        assert status == 0, record["reason"]
