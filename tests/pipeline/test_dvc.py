"""The real DVC in temporary repositories. Each call takes a second or two: marker `dvc`."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from common.data.catalogue import load
from common.data.context import DataContext
from common.data.pinning import differences
from common.ledger.summary import CURVES
from tests.pipeline.conftest import PLANTED, Repository
from tests.running import ROOT

pytestmark = [pytest.mark.dvc, pytest.mark.timeout(300)]


def prepare(repository, spec):
    return load(spec, DataContext(repository.folder / "data", progress=False))


def out_states(repository) -> dict[str, str]:
    """What `dvc status` says of each pinned file that is not as pinned and in the cache."""
    changes = json.loads(repository.dvc("status", "data.dvc", "--json")).get("data.dvc", [])
    return {path: state for c in changes for path, state in c.get("changed outs", {}).items()}


def results(repository, accuracy: float) -> None:
    """What two stages of a paper write, with one figure."""
    for paper in ("hippo", "s4d", "s5_ptd"):
        summary = {"lra/text": {"s5": {"accuracy": {"mean": accuracy, "n": 3}}}, "A": "holds"}
        repository.write(f"results/{paper}.json", json.dumps(summary))
        lines = [",".join(["task", "variant", "epoch", *CURVES])]
        for epoch in (1, 2, 3):
            figures = {"val_score": accuracy + epoch, "train_loss": 1 / epoch}
            row = ["lra/text", "s5", epoch, *(figures.get(curve, "") for curve in CURVES)]
            lines.append(",".join(map(str, row)))
        repository.write(f"results/curves/{paper}.csv", "\n".join(lines) + "\n")


def test_a_generated_set_is_rebuilt_as_pinned(repository, planted):
    """By its spec alone, on this machine, years after: the same file, bit by bit."""
    file = f"data/{PLANTED}.npz"
    assert out_states(repository) == {file: "not in cache"}
    assert prepare(repository, planted).key == PLANTED
    assert differences(repository.folder / "data", repository.folder / "data.dvc") == []
    repository.dvc("commit", "data.dvc")
    assert out_states(repository) == {}
    (repository.folder / file).unlink()
    assert out_states(repository) == {file: "deleted"}
    prepare(repository, planted)
    assert out_states(repository) == {}
    assert "up to date" in repository.dvc("status", "data.dvc")


def test_a_changed_set_is_seen(repository, planted):
    prepare(repository, planted)
    repository.dvc("commit", "data.dvc")
    path = repository.folder / f"data/{PLANTED}.npz"
    path.write_bytes(path.read_bytes() + b"\0")
    assert out_states(repository) == {f"data/{PLANTED}.npz": "modified"}


def test_push_and_pull_through_a_folder(repository, planted, tmp_path):
    prepare(repository, planted)
    repository.dvc("commit", "data.dvc")
    repository.commit("as DVC lays it out")
    repository.run("git", "clone", "-q", ".", str(tmp_path / "other"))
    other = Repository(tmp_path / "other")
    (tmp_path / "store").mkdir()
    for one in (repository, other):
        one.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    assert "1 file pushed" in repository.dvc("push", "data.dvc")
    assert not (other.folder / f"data/{PLANTED}.npz").exists()
    other.dvc("pull", "data.dvc")
    assert differences(other.folder / "data", other.folder / "data.dvc") == []
    assert out_states(other) == {}
    assert other.run("git", "status", "--porcelain") == "", "a remote of one's own is not shared"


def test_what_dvc_rewrites_is_still_read(repository, planted):
    """`dvc commit` lays the file out anew; keys, hashes and our own fields stay."""
    from common.data.pins import entries

    before = entries(repository.folder / "data.dvc")
    prepare(repository, planted)
    repository.dvc("commit", "--force", "data.dvc")
    assert entries(repository.folder / "data.dvc") == before


def test_metrics_of_two_commits(repository):
    results(repository, 40.0)
    repository.commit("one")
    results(repository, 45.5)
    repository.commit("two")
    assert "45.5" in repository.dvc("metrics", "show")
    changed = json.loads(repository.dvc("metrics", "diff", "HEAD~1", "--json"))
    assert set(changed) == {f"results/{paper}.json" for paper in ("hippo", "s4d", "s5_ptd")}
    (entry,) = changed["results/s5_ptd.json"].values()
    assert (entry["old"], entry["new"], entry["diff"]) == (40.0, 45.5, 5.5)


def test_plots_of_two_commits(repository):
    results(repository, 40.0)
    repository.commit("one")
    results(repository, 45.5)
    repository.commit("two")
    (repository.folder / "outputs").mkdir()  # DVC makes one level only
    repository.dvc("plots", "diff", "HEAD~1", "-o", "outputs/plots")
    page = (repository.folder / "outputs/plots/index.html").read_text()
    specs = [json.loads(s) for s in re.findall(r"var spec = (\{.*?\});\n", page, re.DOTALL)]
    specs = [spec for spec in specs if "title" in spec]  # a paper without curves has an empty one
    assert sorted(spec["title"] for spec in specs) == ["hippo", "s4d", "s5_ptd"]
    rows = specs[0]["data"]["values"]
    assert {row["rev"] for row in rows} == {"workspace", "HEAD~1"}
    used = {"task", "variant", "epoch", "val_score", "rev"}
    assert all(used <= row.keys() for row in rows)
    assert "DVC_METRIC" not in json.dumps(specs[0]), "every name of the template is filled in"
    repository.dvc("plots", "show", "-o", "outputs/plots")
    assert repository.run("git", "status", "--porcelain") == ""


def test_inputs_in_a_clone(clone):
    with (clone.folder / "common" / "errors.py").open("a") as file:
        file.write("# a change, if only of words: what depends on it is computed again\n")
    assert "python -m common.ledger inputs hippo" in clone.dvc("repro", "--dry", "inputs@hippo")
    listed = clone.dvc("stage", "list", "--name-only").split()
    papers = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["stages"]["inputs"]["foreach"]
    assert listed == [f"{stage}@{paper}" for stage in ("inputs", "paper") for paper in papers]


def test_the_pins_hold_in_this_checkout():
    """No prepared file differs from its pin; one that is absent or not in the cache may be so."""
    pytest.importorskip("dvc")
    if not (ROOT / "data").is_dir():
        pytest.skip("nothing is prepared in data/")
    states = out_states(Repository(ROOT))
    assert {path for path, state in states.items() if state == "modified"} == set()
