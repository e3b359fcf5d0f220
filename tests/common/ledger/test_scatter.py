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
chosen_by: held_out_score
tasks: {sentences/sst2: SST-2}
rows:
  - label: LoRA
    paper: loldu
    overrides: [task.method=lora, "task.lr={rate}"]
    rates: [0.001, 0.01]
  - {label: head, paper: loldu, overrides: [task.method=head, variant=head]}
"""
TASK = "sentences/sst2"


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text(SPEC)
    return comparison.read(path)


@pytest.fixture
def cells(spec):
    return scatter.runs(spec, "here")


def row(run, score, held_out):
    metrics = {"score": score, "held_out_score": held_out, "numbers": 49152.0, "step_bytes": 2e6}
    return RunRow(
        run.task, run.variant, run.scale, run.seed, run.config_hash, metrics=metrics, code=CODE
    )


@pytest.fixture
def rows(spec, cells):
    """The larger rate is the better on rows apart, though not on those that are judged."""
    lora = spec.rows[0]
    small, large = cells[lora, TASK, 0.001], cells[lora, TASK, 0.01]
    return {
        "loldu": [row(small[0], 90.0, 70.0), row(large[0], 80.0, 75.0), row(large[1], 82.0, 0.0)]
    }


@pytest.fixture
def found(spec, cells, rows):
    return scatter.points(spec, cells, rows)


def test_the_other_seeds_are_run_of_the_best_rate(spec, cells, rows):
    def names(found):
        return [(run.variant, run.seed) for run in found]

    first = [("lora_r384_lr0.001", 0), ("lora_r384_lr0.01", 0), ("head", 0)]
    assert names(scatter.wanted(spec, cells, {})) == first
    half = {"loldu": rows["loldu"][:1]}
    assert names(scatter.wanted(spec, cells, half)) == first
    assert names(scatter.wanted(spec, cells, rows)) == [
        *first[:2],
        ("lora_r384_lr0.01", 1),
        first[2],
    ]


def test_lines_show_rate_mean_interval_and_costs(spec, found):
    page = scatter.page(spec, found, "few", Present())
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert lines[0] == "| method | rate | accuracy | trained numbers | bytes |"
    assert lines[2] == "| LoRA | 0.01 | 81.00 ± 12.71 | 49,152 | 2,000,000 |"
    assert lines[3] == "| head |  | not run |  |  |"
    assert "rates by held_out_score of seed 0" in page
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
    path.write_text(SPEC.replace("label: head, paper:", "label: head, papers:"))
    with pytest.raises(UserError, match="unknown key papers"):
        comparison.read(path)
    path.write_text(SPEC.replace("    rates: [0.001, 0.01]\n", ""))
    with pytest.raises(UserError, match=r"row LoRA: rates go with a \{rate\}"):
        comparison.read(path)
