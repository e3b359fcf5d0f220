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
        ("layerwise_training", "task.size=7", "d=7 for balanced"),
        ("layerwise_training", "task.solver=adam", "allowed: one of ridge"),
        ("sample_complexity", "task.degree=3", "known at degree 2"),
        ("sample_complexity", "task.multiples=[[0.5,1.0],[0.5,1.0]]", "no n is enough"),
        ("kernel_ridge", "task.kernel=laplace", "allowed: one of gaussian"),
        ("ridge_descent", "task.ridge=nan", "above 0"),
    ],
)
def test_settings_are_refused(task, override, said, smoke, capsys):
    status, _ = smoke(task, override)
    assert status == 2
    assert said in capsys.readouterr().err


def test_ablations_run(smoke):
    for override in (
        "task.skip=false",
        "task.shift=false",
        "task.split=false",
        "task.feature=quadratic",
        "task.feature=two_dominated",
    ):
        status, record = smoke("layerwise_training", override)
        assert status == 0, record["reason"]


def test_descent_and_closed_form_agree_through_the_task(smoke):
    found = {}
    for solver in ("ridge", "descent"):
        status, record = smoke(
            "layerwise_training",
            f"task.solver={solver}",
            "task.steps=5000",
            "task.samples=[512]",
            "task.ridges=[1.0]",
            "task.last_ridges=[1.0]",
        )
        assert status == 0, record["reason"]
        found[solver] = record["metrics"]
    assert found["descent"]["corr"] == pytest.approx(found["ridge"]["corr"], abs=1e-5)
    assert found["descent"]["mse"] == pytest.approx(found["ridge"]["mse"], abs=1e-4)


def test_limits_are_recorded_only_where_they_hold(smoke):
    _, record = smoke("layerwise_training")
    assert "over_limit" in record["metrics"]
    _, record = smoke("layerwise_training", "task.link=[0.0,0.0,1.0]")
    assert "over_limit" not in record["metrics"]
    _, record = smoke("kernel_ridge", "task.feature=product")
    assert "over_floor_n256" not in record["metrics"]
    _, record = smoke("layerwise_training", "task.degree=1")
    assert "over_limit" not in record["metrics"]
    assert 0 < record["metrics"]["corr_least_squares_n512"] <= 1
