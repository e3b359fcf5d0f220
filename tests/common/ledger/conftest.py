"""A checkout in a temporary folder: a claims file over real tasks, fabricated run folders."""

from __future__ import annotations

import pytest

from common.experiment import sources
from common.experiment.record import Record
from common.ledger import commands
from common.ledger import plan as plan_module
from common.ledger import update as update_module
from common.ledger.folders import Folders
from common.ledger.plan import plan

PAPER = "s5_ptd"
CODE = {"common.errors": sources.digest("common.errors")}
CLAIMS = """
claims:
  - id: A
    kind: claim
    statement: Three ways give one layer
    source: method
    reported: {value: equal}
    checks:
      laptop:
        runs: [{task: layer_equivalence, seeds: [0]}]
        relation: {metric: layer_equivalence/closed_form/scan_error, at_most: 1.0e-9}
  - id: B
    kind: claim
    statement: S5-PTD is not worse than S5
    source: Table 1
    reported: {value: 87.92, unit: "%"}
    note: Three seeds are few.
    checks:
      laptop:
        runs:
          - task: lra/image
            overrides: ["model={model}"]
            seeds: [0, 1, 2]
            for_each: {model: [s5_ptd, s5]}
        relation:
          difference: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy]
          lies_above: -1.0
        equal: [steps]
        report: {chance: lra/image/s5/baseline_majority}
      paper:
        runs: [{task: lra/image, overrides: [trainer=gpu], seeds: [0]}]
        needs: GPUs
"""


@pytest.fixture
def folders(tmp_path, planned, monkeypatch):
    """The checkout. Its claims are composed once for all tests that do not change them."""

    def cached(paper, path, kept=None):
        return planned if path.read_text() == CLAIMS else plan(paper, path, kept)

    for module in (plan_module, update_module, commands):
        monkeypatch.setattr(module, "plan", cached)
    places = Folders(tmp_path / "papers", tmp_path / "results", tmp_path / "outputs")
    places.claims(PAPER).parent.mkdir(parents=True)
    places.claims(PAPER).write_text(CLAIMS)
    return places


@pytest.fixture(scope="session")
def planned(tmp_path_factory):
    """The plan of CLAIMS, composed once."""
    path = tmp_path_factory.mktemp("claims") / "claims.yaml"
    path.write_text(CLAIMS)
    return plan(PAPER, path)


@pytest.fixture(scope="session")
def make_record(planned):
    """A completed record; by default with the configuration that the claims call for."""

    def make(task, variant, seed, metrics, *, scale="laptop", started="2026-01-01", **changes):
        key = (task, variant, scale, seed)
        return Record(
            paper=PAPER,
            task=task,
            variant=variant,
            scale=scale,
            seed=seed,
            status=changes.pop("status", "completed"),
            metrics=metrics,
            config_hash=changes.pop("config_hash", planned.expected.get(key, "0" * 12)),
            provenance={"commit": "a" * 40, "dirty": False, "threads": 1, "cpu": "a processor"},
            code=changes.pop("code", CODE),
            started=started,
            **changes,
        )

    return make


@pytest.fixture
def put(folders):
    """Write a record as a run under the output folder."""

    def write(record, name):
        folder = folders.outputs / PAPER / record.task / name
        folder.mkdir(parents=True)
        record.write(folder)
        return folder

    return write


@pytest.fixture
def put_all(put, make_record):
    """Everything that CLAIMS reads at scale laptop."""

    def write(ptd=(40, 41, 42), s5=(39, 40, 41)):
        put(make_record("layer_equivalence", "closed_form", 0, {"scan_error": 2e-15}), "e")
        for variant, values in (("s5_ptd", ptd), ("s5", s5)):
            for seed, value in enumerate(values):
                metrics = {
                    "accuracy": value,
                    "baseline_majority": 11.0,
                    "seconds_per_step": 0.1,
                    "steps": 100.0,
                }
                data = [
                    {
                        "key": "cifar10/0123",
                        "name": "cifar10",
                        "source": "made up",
                        "content_sha256": "d" * 64,
                        "is_paper_data": False,
                    }
                ]
                record = make_record(
                    "lra/image",
                    variant,
                    seed,
                    metrics,
                    published=88.0,
                    chance=10.0,
                    data=data,
                    curves={"val_score": [value - 2, value - 1], "train_loss": [2.0, 1.0]},
                    wall_seconds=30.0,
                )
                put(record, f"{variant}-{seed}")

    return write


@pytest.fixture
def as_attempt(tmp_path):
    """What ``find`` makes of records, in their order."""
    from common.ledger.collect import find

    def attempts(*records):
        for number, record in enumerate(records):
            folder = tmp_path / "attempts" / PAPER / f"{number:03d}"
            folder.mkdir(parents=True)
            record.write(folder)
        return find(tmp_path / "attempts", PAPER).completed

    return attempts
