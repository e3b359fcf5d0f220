"""The average over member tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.experiment.composite import _summary
from common.experiment.lifecycle import Outcome
from common.experiment.record import Record

MEMBERS = ["lra/text", "lra/pathx"]


def outcome(task, status="completed", **metrics):
    return Outcome(Path(), Record("p", task, "v", "paper", 0, status, chance=50, metrics=metrics))


def test_the_average_of_measured_members():
    summary = _summary(
        [outcome("lra/text", accuracy=80), outcome("lra/pathx", accuracy=90)], MEMBERS
    )
    assert summary == {"text_accuracy": 80, "pathx_accuracy": 90, "average": 85}


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_failed_member_counts_its_chance(status):
    summary = _summary([outcome("lra/text", accuracy=80), outcome("lra/pathx", status)], MEMBERS)
    assert summary["average"] == 65


@pytest.mark.parametrize(
    "second", [outcome("lra/pathx", "not run"), outcome("lra/pathx", seconds=1)]
)
def test_no_average_without_every_member(second):
    assert "average" not in _summary([outcome("lra/text", accuracy=80), second], MEMBERS)
