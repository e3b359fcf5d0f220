"""A table of rows from several papers."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from common.errors import UserError
from common.ledger import comparison, scatter, trade_off
from common.ledger.__main__ import main
from common.ledger.folders import Folders
from common.ledger.freshness import Present
from common.ledger.runs import RunRow
from tests.common.ledger.conftest import CODE

SPEC = """
title: Two layers
text: Equal in all but the start.
scale: laptop
seeds: [0, 1]
tasks: {lra/listops: ListOps, lra/image: Image}
size_of: lra/image
rows:
  - {label: S4D-Inv, paper: s4d, model: s4d_inv}
  - {label: S5, paper: s5_ptd, model: s5}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(SPEC)
    return comparison.read(path)


def row(run, accuracy):
    return RunRow(
        run.task, run.variant, run.scale, run.seed, run.config_hash,
        metrics={"accuracy": accuracy, "parameters": 1234.0, "baseline_majority": 10.85},
        code=CODE,
    )  # fmt: skip


def test_cells_show_mean_deviation_and_what_is_missing(spec):
    cells = comparison.runs(spec, "here")
    inv, s5 = spec.rows
    rows = {
        "s4d": [
            row(cells[inv, "lra/listops"][0], 30.0),
            row(cells[inv, "lra/listops"][1], 34.0),
            row(cells[inv, "lra/image"][0], 40.0),
        ],
        "s5_ptd": [dataclasses.replace(row(cells[s5, "lra/image"][0], 50.0), config_hash="old")],
    }
    page = comparison.page(spec, cells, rows, {"S4D-Inv": 12.5}, "two", Present())
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert lines[2] == "| S4D-Inv | 32.0 ± 2.8 | 40.0 (1 of 2) | 36 | 1,234 | 12.5 |"
    assert lines[3] == "| S5 | not run | not run | - | - | - |"
    assert lines[4].startswith("| *majority* | 10.8 | 10.8 |")
    changed = Present(digest=lambda module: "e" * 12)
    page = comparison.page(spec, cells, rows, {}, "two", changed)
    assert "| S4D-Inv | 32.0 ± 2.8 † |" in page
    assert "† measured before a change" in page


def test_each_cell_has_one_run_a_seed_of_its_model(spec):
    cells = comparison.runs(spec, "here")
    runs = cells[spec.rows[0], "lra/listops"]
    assert [r.seed for r in runs] == [0, 1]
    assert {(r.paper, r.variant) for r in runs} == {("s4d", "s4d_inv")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title: Two layers\n", ""), "two.yaml:1: title missing"),
        (("model: s5}", "modle: s5}"), "two.yaml:10: unknown key modle; .* did you mean model"),
        (("size_of: lra/image", "size_of: lra/text"), "none of the tasks"),
        (("seeds: [0, 1]", "seeds: 3"), "two.yaml:5: a list is wanted, not 3"),
        (("scale: laptop", "scale: smoke"), "'laptop' or 'paper'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, change, message):
    path = tmp_path / "two.yaml"
    path.write_text(SPEC.replace(*change))
    with pytest.raises(UserError, match=message):
        comparison.read(path)


def test_times_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "times.csv"
    assert comparison.read_times(path) == {}
    path.write_text(comparison.times_csv({"S4-LegS": 61.25, "S5": 20.0}))
    assert comparison.read_times(path) == {"S4-LegS": 61.25, "S5": 20.0}


def test_an_unknown_comparison_names_the_known_ones(tmp_path, capsys):
    (tmp_path / "two.yaml").write_text(SPEC)
    folders = Folders(tmp_path, tmp_path / "results", tmp_path / "outputs", tmp_path)
    assert main(["compare", "three"], folders) == 2
    assert "there are: two" in capsys.readouterr().err


@pytest.mark.slow
def test_the_committed_comparisons_compose():
    folders = Folders.default()
    for path in sorted(folders.comparisons.glob("*.yaml")):
        spec = comparison.read(path)
        if isinstance(spec, trade_off.TradeOff):
            cells = trade_off.runs(spec, str(path))
            assert len(cells) == sum(len(row.budgets) for row in spec.rows)
        elif isinstance(spec, scatter.Scatter):
            cells = scatter.runs(spec, str(path))
            assert len(cells) == len(spec.tasks) * sum(len(row.rates or (1,)) for row in spec.rows)
        else:
            cells = comparison.runs(spec, str(path))
            assert len(cells) == len(spec.rows) * len(spec.tasks)


def test_the_page_and_the_part_of_the_readme(tmp_path, monkeypatch):
    """Without any run: the table says so, here and between the README's markers."""
    ours = Folders.default()
    papers = tmp_path / "papers"
    shutil.copytree(ours.results / "plans", tmp_path / "results" / "plans")  # nothing to compose
    for paper in ("s4d", "s5_ptd"):
        (papers / paper).mkdir(parents=True)
        (papers / paper / "claims.yaml").write_text(ours.claims(paper).read_text())
    (tmp_path / "two.yaml").write_text(SPEC)
    readme = tmp_path / "README.md"
    readme.write_text("# Mine\n<!-- comparison:two:begin -->\n<!-- comparison:two:end -->\nend\n")
    folders = Folders(papers, tmp_path / "results", tmp_path / "outputs", tmp_path)
    assert main(["compare", "two"], folders) == 0
    page = (tmp_path / "results" / "comparisons" / "two.md").read_text()
    assert page.startswith("# Two layers\n")
    assert "| S5 | not run | not run | - | - | - |" in page
    text = readme.read_text()
    assert "| S5 | not run |" in text
    assert "# Two layers" not in text
    assert text.endswith("<!-- comparison:two:end -->\nend\n")
