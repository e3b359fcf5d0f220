"""A ledger with every verdict, every kind of row, two scales and text that has to be escaped."""

from __future__ import annotations

from functools import partial

import pytest

from common.ledger.claims import parse
from common.ledger.evaluate import evaluate
from common.ledger.folders import Folders
from common.ledger.freshness import Present
from common.ledger.plan import Plan
from common.ledger.planned_run import PlannedRun
from common.ledger.report import write_report
from common.ledger.runs import RunRow
from common.ledger.summary import curves_csv
from common.ledger.update import PaperLedger
from common.ledger.yaml_source import load

TITLES = {"alpha": "Alpha & <b>Beta</b>: \"a\" 'b'", "beta": "Nothing was run"}
CLAIMS = {
    "alpha": """
claims:
  - id: A1
    kind: claim
    statement: Model x <script>alert(1)</script> reaches 85 % & more, as "promised"
    source: Table 1 <&>
    reported: {value: 87.61, unit: "% & up"}
    checks:
      laptop:
        runs:
          - task: image
            overrides: ["model={model}"]
            seeds: [0, 1, 2]
            for_each: {model: [x, y]}
        relation:
          all:
            - {name: "x <i> over chance", metric: image/x/accuracy, at_least: 30}
            - {name: y over chance, metric: image/y/accuracy, at_least: 30}
        equal: [steps]
        budget: width & depth too
        report: {"majority <share>": image/x/baseline_majority}
      paper:
        runs:
          - task: image
            overrides: ["model={model}"]
            seeds: [0, 1, 2]
            for_each: {model: [x, y]}
        needs: GPUs
        report: {x: image/x/accuracy}
  - id: A2
    kind: claim
    statement: Model x beats model y
    source: abstract
    reported: {value: 3.5, unit: points}
    note: It is the other way round <here>.
    checks:
      laptop:
        runs:
          - task: image
            overrides: ["model={model}"]
            seeds: [0, 1, 2]
            for_each: {model: [x, y]}
        relation: {difference: [image/x/accuracy, image/y/accuracy], lies_above: 0}
        equal: [steps]
  - id: A3
    kind: claim
    statement: The error is small
    source: Section 3
    reported: [{value: 1.0e-9}, {value: 2, unit: dB, scale: half}]
    checks:
      laptop:
        runs: [{task: closed, seeds: [0]}]
        relation: {metric: closed/form/error, at_most: 1.0e-9}
  - id: A4
    kind: claim
    statement: A long run converges
    source: Figure 2
    reported: {value: convergence}
    checks:
      laptop:
        runs: [{task: long, seeds: [0]}]
        relation: {metric: long/x/accuracy, at_least: 30}
        cost_minutes: 90
  - id: A5
    kind: theory
    statement: It converges in the limit
    source: Theorem 1
    reported: {value: a theorem}
    measured_by: [A1, A3]
  - id: A6
    kind: correction
    statement: The bound is missing a factor of two
    source: equation 4
    reported: {value: 12}
    correction:
      paper: says n < m & stops
      code: has another bound
      measurement: is twice the bound
      test: tests/x.py::test_y
      consequence: none for <the table>
    checks:
      laptop:
        runs: [{task: short, seeds: [0]}]
        relation: {metric: short/form/ratio, within: [1.9, 2.1]}
  - id: A10
    kind: theory
    statement: Averylongwordthatcannotbebrokenanywherebecauseithasnospacesinitatallandgoesonandon
    source: Appendix
    reported: {value: 100}
    checks:
      laptop:
        runs:
          - task: image
            overrides: ["model={model}"]
            seeds: [0, 1, 2]
            for_each: {model: [x, y]}
        relation: {interval_of: image/x/accuracy, lies_above: 34.5}
""",
    "beta": """
claims:
  - id: B1
    kind: claim
    statement: Beta works
    source: abstract
    reported: {value: 9}
    checks:
      paper:
        runs: [{task: image, overrides: [model=x], seeds: [0]}]
        relation: {metric: image/x/accuracy, at_least: 30}
        needs: GPUs
""",
}
VERDICTS = {  # at laptop scale
    "A1": "holds",
    "A2": "fails",
    "A3": "stale",
    "A4": "not run",
    "A6": "holds",
    "A10": "unresolved",
}
ROWS = 9  # of the table of claims: six at laptop, two at paper scale, one measured by others
_VARIANTS = {"closed": "form", "short": "form", "long": "x"}
_CODE = {f"common.part{i}": "now" for i in range(6)}


COMPARISON = """# Accuracy against size

All <equal> but the *method*, by `compare sizes`.

## Net

![Net](../figures/sizes/net.svg)

| method | accuracy |
| --- | --- |
| *dense* | 91.50 |
| A & B | 89.00 ± 1.20 |
"""


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A checkout."""
    root = tmp_path_factory.mktemp("checkout")
    places = Folders(root / "papers", root / "results", root / "outputs")
    for paper, text in CLAIMS.items():
        places.claims(paper).parent.mkdir(parents=True)
        places.claims(paper).write_text(text)
    places.readme("alpha").write_text("# Alpha\n")
    drawn = places.results / "figures" / "alpha"
    drawn.mkdir(parents=True)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="50"><path d="M0 0L9 9"/></svg>'
    )
    (drawn / "kappa_against_ratio.svg").write_text(svg)
    (drawn / "kappa_against_ratio.png").write_bytes(b"not shown: there is an SVG")
    (drawn / "50 % & #2.svg").write_text(svg)
    sizes = places.results / "figures" / "sizes"
    sizes.mkdir()
    (sizes / "net.svg").write_text(svg)
    made = places.comparison_page("sizes")
    made.parent.mkdir()
    made.write_text(COMPARISON)
    places.curves("alpha").parent.mkdir()
    places.curves("alpha").write_text(curves_csv(_rows()))
    return places


@pytest.fixture(scope="session")
def ledgers(folders):
    """Two papers."""
    altered = (f"{folders.results}/alpha.csv: line 2 is 'x', its run gives 'y'",)
    return [
        _ledger("alpha", folders, _rows(), altered),
        _ledger("beta", folders, (), ()),
    ]


@pytest.fixture(scope="session")
def site(ledgers, folders, tmp_path_factory):
    """The report's folder."""
    return write_report(ledgers, folders, tmp_path_factory.mktemp("site") / "report").parent


def _ledger(paper, folders, rows, altered):
    claims = tuple(parse(load(folders.claims(paper))))
    runs = {
        (claim.id, scale): tuple(
            PlannedRun(paper, spec.task, _variant(spec), scale, seed, spec.overrides, "hash")
            for spec in check.specs
            for seed in spec.seeds
        )
        for claim in claims
        for scale, check in claim.checks.items()
    }
    plan = Plan(paper, TITLES[paper], claims, runs)
    present = Present(digest=lambda module: "now")
    scales = dict.fromkeys(scale for _, scale in runs)
    results = {scale: evaluate(plan, rows, scale, {}, present) for scale in scales}
    return PaperLedger(plan, rows, results, (), altered=altered)


def _variant(spec):
    return _VARIANTS.get(spec.task) or spec.overrides[0].partition("=")[2]


def _rows():
    row = partial(
        RunRow,
        scale="laptop",
        config_hash="hash",
        commit="0123456789ab",
        dirty="no",
        started="2026-01-01",
        threads=1,
        hardware="a <processor>",
        code=_CODE,
    )
    found = [
        row(
            task="image",
            variant=variant,
            seed=seed,
            paper_data="no",
            published=88.0,
            chance=10.0,
            seconds=30.0,
            metrics={"accuracy": start + seed, "baseline_majority": 11.0, "steps": 100.0},
            curves={"val_score": [20.0, 30.0 + seed], "train_loss": [2.0, 1.0]},
        )
        for variant, start in (("x", 33.0), ("y", 100.0))
        for seed in range(3)
    ]
    old = dict.fromkeys(_CODE, "then")
    found.append(
        row(
            task="closed",
            variant="form",
            seed=0,
            headline="error",
            metrics={"error": 2e-10},
            code=old,
            seconds=1.0,
        )
    )
    found.append(
        row(
            task="short",
            variant="form",
            seed=0,
            headline="ratio",
            metrics={"ratio": 2.0},
            seconds=1.0,
            started="2026-01-02",
            commit="fedcba987654",
            dirty="yes",
        )
    )
    return tuple(found)
