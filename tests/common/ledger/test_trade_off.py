"""Scores against sizes of methods from several papers: the file, the tables, the figures."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from common.errors import UserError
from common.ledger import comparison, trade_off
from common.ledger.__main__ import main
from common.ledger.folders import Folders
from common.ledger.freshness import Present
from common.ledger.runs import RunRow
from tests.common.ledger.conftest import CODE

SPEC = """
title: Accuracy against size
text: Equal steps.
scale: laptop
seeds: [0, 1]
models:
  trade_off/resnet20: {label: ResNet-20, score: accuracy}
rows:
  - {label: TRP, paper: trp, model: trade_off/resnet20, budgets: [0.7, 0.5]}
  - {label: int8, paper: trp, model: trade_off/resnet20, method: int8}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "sizes.yaml"
    path.write_text(SPEC)
    return comparison.read(path)


@pytest.fixture
def cells(spec):
    return trade_off.runs(spec, "here")


def row(run, score, **more):
    metrics = {"score": score, "score_dense": 91.5, "parameters_part": 60.0}
    metrics |= {"macs_part": 70.0, "bytes_part": 61.25, **more}
    return RunRow(
        run.task, run.variant, run.scale, run.seed, run.config_hash, metrics=metrics, code=CODE
    )


@pytest.fixture
def found(spec, cells):
    trp, int8 = spec.rows
    rows = [
        row(cells[trp, 0.7][0], 88.0),
        row(cells[trp, 0.7][1], 90.0),
        row(cells[trp, 0.5][0], 80.0, macs_part=50.0),
        dataclasses.replace(row(cells[int8, None][0], 91.0), config_hash="of other settings"),
    ]
    return trade_off.points(spec, cells, {"trp": rows})


def test_a_point_is_a_run_a_seed_at_its_budget(spec, cells):
    assert len(cells) == 3
    runs = cells[spec.rows[0], 0.5]
    assert [run.seed for run in runs] == [0, 1]
    assert runs[0].variant == "own_macs_0.5"
    assert cells[spec.rows[1], None][0].variant == "int8_macs_None"


def test_lines_show_mean_interval_and_what_is_missing(spec, found):
    page = trade_off.page(spec, found, "sizes", Present())
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert lines[2] == "| *dense* |  | 91.50 |  | 100 | 100 | 100 |"
    assert lines[3] == "| TRP | 0.7 of multiply-adds | 89.00 ± 12.71 |  | 60.0 | 70.0 | 61.2 |"
    assert lines[4] == "| TRP | 0.5 of multiply-adds | 80.00 (1 of 2) |  | 60.0 | 50.0 | 61.2 |"
    assert lines[5] == "| int8 |  | not run |  |  |  |  |"
    assert "†" not in page
    changed = trade_off.page(spec, found, "sizes", Present(digest=lambda module: "e" * 12))
    assert "| 89.00 ± 12.71 † |" in changed
    assert "measured before a change" in changed


def test_figures_are_the_same_bytes_again(spec, found, tmp_path):
    pytest.importorskip("matplotlib")
    for folder in ("first", "second"):
        trade_off.draw(spec, found, tmp_path / folder)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("first", "second")
    )
    assert set(first) == {"resnet20.png", "resnet20.svg"}
    assert first == second
    trade_off.draw(spec, [p for p in found if not p.rows], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("model: trade_off/resnet20, method", "model: trade_off/gpt, method"),
            "none of the models",
        ),
        (("budgets: [0.7, 0.5]", "budgets: [0]"), "greater than 0"),
        (("method: int8", "methode: int8"), "unknown key methode; .* did you mean method"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, message):
    path = tmp_path / "sizes.yaml"
    path.write_text(SPEC.replace(*change))
    with pytest.raises(UserError, match=message):
        comparison.read(path)


def test_the_page_without_any_run_and_an_unknown_launcher(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    ours = Folders.default()
    papers = tmp_path / "papers"
    shutil.copytree(ours.results / "plans", tmp_path / "results" / "plans")  # nothing to compose
    (papers / "trp").mkdir(parents=True)
    (papers / "trp" / "claims.yaml").write_text(ours.claims("trp").read_text())
    (tmp_path / "sizes.yaml").write_text(SPEC)
    folders = Folders(papers, tmp_path / "results", tmp_path / "outputs", tmp_path)
    assert main(["compare", "sizes"], folders) == 0
    page = (tmp_path / "results" / "comparisons" / "sizes.md").read_text()
    assert page.startswith("# Accuracy against size\n")
    assert "| int8 |  | not run |" in page
    for options, message in (
        (["--run", "--launcher", "slurp"], "slurm"),
        (["--launcher", "slurm"], "give both"),
        (["--time"], "has no times"),
    ):
        assert main(["compare", "sizes", *options], folders) == 2
        assert message in capsys.readouterr().err
