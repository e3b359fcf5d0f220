"""dvc.yaml against the repository: what it names exists. Needs no DVC."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml

from common.ledger.__main__ import _parser, main
from common.ledger.folders import Folders
from common.ledger.kept_plans import KeptPlan
from tests.running import ROOT

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
STAGES = PIPELINE["stages"]
FOLDERS = Folders.default()
PAPERS = FOLDERS.with_claims()
CURVES = "results/curves/{}.csv"


def filled(value, paper: str):
    """`value` with its template's names put in."""
    if isinstance(value, dict):
        return {filled(k, paper): filled(v, paper) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, paper) for v in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda m: str((PARAMS | {"item": paper})[m[1]]), value)
    return value


def stage(name: str, paper: str) -> dict:
    return filled(STAGES[name]["do"], paper)


def paths(entries: list) -> list[str]:
    return [next(iter(e)) if isinstance(e, dict) else e for e in entries]


@pytest.mark.parametrize("name", STAGES)
def test_every_paper_with_claims_has_its_stages(name):
    assert sorted(STAGES[name]["foreach"]) == PAPERS


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("name", STAGES)
def test_the_command_is_one_of_the_ledger(name, paper):
    python, _, module, *arguments = stage(name, paper)["cmd"].split()
    assert (python, module) == ("python", "common.ledger")
    options = _parser().parse_args(arguments)  # exits, and so fails, if there is no such command
    assert options.action == {"inputs": "inputs", "paper": "run"}[name]
    assert options.paper == paper
    if name == "paper":
        chosen = {"scale": options.scale, "jobs": options.jobs, "threads": options.threads}
        assert chosen == PARAMS


@pytest.mark.parametrize("paper", PAPERS)
def test_what_a_stage_needs_exists_or_is_made_by_another(paper):
    made = set(paths(stage("inputs", paper)["outs"]))
    for name in STAGES:
        for path in paths(stage(name, paper)["deps"]):
            assert path in made or (ROOT / path).exists(), path
        assert set(stage(name, paper).get("params", [])) <= set(PARAMS)


@pytest.mark.parametrize("paper", PAPERS)
def test_what_a_stage_writes_is_what_the_ledger_writes(paper):
    def relative(path):
        return path.relative_to(ROOT).as_posix()

    assert paths(stage("inputs", paper)["outs"]) == [relative(FOLDERS.inputs(paper))]
    run = stage("paper", paper)
    assert paths(run["metrics"]) == [relative(FOLDERS.summary(paper))]
    assert paths(run["outs"]) == [relative(FOLDERS.runs(paper)), relative(FOLDERS.curves(paper))]
    assert relative(FOLDERS.inputs(paper)) in run["deps"]
    assert relative(FOLDERS.claims(paper)) in run["deps"]


@pytest.mark.parametrize("paper", PAPERS)
def test_results_are_kept_by_git_and_never_deleted_before_a_run(paper):
    run = stage("paper", paper)
    for entry in run["metrics"] + run["outs"]:
        assert list(entry.values()) == [{"cache": False, "persist": True}]
    assert list(stage("inputs", paper)["outs"][0].values()) == [{"cache": False}]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_dependencies_of_inputs_hold_all_that_runs_import(paper):
    content = json.loads(FOLDERS.inputs(paper).read_text())
    deps = stage("inputs", paper)["deps"]
    for module in content["code"]:
        file = module.replace(".", "/")
        assert any(f"{file}/".startswith(f"{dep}/") for dep in deps), module
    assert "common/data/pinned.yaml" in deps
    assert "conf" in deps, "configurations are composed from it and from the paper's own"


@pytest.mark.parametrize("paper", PAPERS)
def test_the_plan_in_git_is_that_of_the_present_claims(paper):
    """Else a fresh clone composes for minutes: python -m common.ledger check."""
    kept = KeptPlan.of(paper, FOLDERS)
    assert replace(kept, folder=kept.folder / "none").read() is not None


def test_generated_tables_are_those_of_the_ledger(tmp_path, capsys):
    """They are made with python -m common.ledger readme, readme --root and check."""
    assert main(["readme", "--check"], replace(FOLDERS, outputs=tmp_path)) == 0, capsys.readouterr()


def test_the_pins_are_one_file_under_two_names():
    """DVC takes no .dvc file as a dependency."""
    link = ROOT / "common" / "data" / "pinned.yaml"
    assert link.resolve() == ROOT / "data.dvc"


def test_every_paper_has_its_curves_plotted():
    (plotted,) = zip(*(p.values() for p in PIPELINE["plots"]), strict=True)
    assert sorted(p["title"] for p in plotted) == PAPERS
    for plot in plotted:
        file = CURVES.format(plot["title"])
        assert plot["x"] == {file: "epoch"}
        assert plot["y"] == {file: "val_score"}
        template = ROOT / ".dvc" / "plots" / f"{plot['template']}.json"
        assert "<DVC_METRIC_DATA>" in json.loads(template.read_text())["data"]["values"]


def test_the_curves_have_the_columns_that_are_plotted():
    from common.ledger.summary import curves_csv

    header = curves_csv([]).splitlines()[0].split(",")
    template = json.loads((ROOT / ".dvc" / "plots" / "learning_curves.json").read_text())
    encoding = template["spec"]["encoding"]
    assert {"epoch", "val_score"} <= set(header)
    assert {template["facet"]["field"], encoding["color"]["field"]} <= set(header)
