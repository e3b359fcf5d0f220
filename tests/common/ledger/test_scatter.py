"""Scores against what methods cost: the file, the tables, the figures."""

from __future__ import annotations

import pytest

from common.errors import UserError
from common.ledger import comparison, scatter
from common.ledger.freshness import Present
from common.ledger.runs import RunRow
from tests.common.ledger.conftest import CODE

SPEC = """
title: Few numbers
text: Equal steps.
scale: laptop
seeds: [0, 1]
score: {metric: score, label: accuracy}
costs: {numbers: trained numbers, step_bytes: bytes}
tasks: {sentences/sst2: SST-2}
rows:
  - {label: LoRA, paper: loldu, overrides: [task.method=lora, task.lr=0.001]}
  - {label: LoLDU, paper: loldu, overrides: [task.method=loldu, task.lr=0.01]}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text(SPEC)
    return comparison.read(path)


@pytest.fixture
def found(spec):
    cells = scatter.runs(spec, "here")
    assert [run.variant for run in cells[spec.rows[1], "sentences/sst2"]] == [
        "loldu_r384_lr0.01"
    ] * 2

    def row(run, score):
        return RunRow(
            run.task,
            run.variant,
            run.scale,
            run.seed,
            run.config_hash,
            metrics={"score": score, "numbers": 49152.0, "step_bytes": 2e6},
            code=CODE,
        )

    runs = cells[spec.rows[0], "sentences/sst2"]
    return scatter.points(spec, cells, {"loldu": [row(runs[0], 80.0), row(runs[1], 82.0)]})


def test_lines_show_mean_interval_and_costs(spec, found):
    page = scatter.page(spec, found, "few", Present())
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert lines[0] == "| method | accuracy | trained numbers | bytes |"
    assert lines[2] == "| LoRA | 81.00 ± 12.71 | 49,152 | 2,000,000 |"
    assert lines[3] == "| LoLDU | not run |  |  |"
    changed = scatter.page(spec, found, "few", Present(digest=lambda module: "e" * 12))
    assert "| 81.00 ± 12.71 † |" in changed


def test_figures_are_the_same_bytes_again(spec, found, tmp_path):
    pytest.importorskip("matplotlib")
    for folder in ("first", "second"):
        scatter.draw(spec, found, tmp_path / folder)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("first", "second")
    )
    assert set(first) == {"sst2.png", "sst2.svg"}
    assert first == second


def test_a_wrong_file_is_refused(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text(SPEC.replace("label: LoRA, paper", "label: LoRA, papers"))
    with pytest.raises(UserError, match="unknown key papers"):
        comparison.read(path)
