"""Reading claims.yaml: what is understood, and how mistakes in it are explained."""

import pytest

from common.errors import UserError
from common.ledger.claims import read
from common.ledger.plan import plan

CLAIM = """
claims:
  - id: A
    kind: claim
    statement: s
    source: Table 1
    reported: {value: 3}
    checks:
      laptop:
        runs: [{task: layer_equivalence, seeds: [0]}]
        relation: {metric: layer_equivalence/closed_form/scan_error, at_most: 1e-9}
"""


def test_a_claim_is_read(folders):
    a, b = read(folders.claims("s5_ptd"))
    assert (a.id, a.kind, str(a.reported), a.note) == ("A", "claim", "equal", "")
    assert str(b.reported) == "87.92 %"
    assert [(r.task, r.overrides) for r in b.checks["laptop"].runs] == [
        ("lra/image", ("model=s5_ptd",)),
        ("lra/image", ("model=s5",)),
    ]
    assert b.checks["paper"].needs == "GPUs"
    assert b.checks["paper"].relation.metrics() == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: claim", "kind: rumour", "kind is 'rumour'; allowed: claim, correction, theory"),
        ("    source: Table 1\n", "", "source missing"),
        ("statement: s", "statement: ''", "statement must be a text"),
        ("statement: s", "statment: s", "statement missing"),
        ("source:", "colour: red\n    source:", "unknown key colour; allowed: id, kind"),
        ("laptop:", "desktop:", "no such scale: desktop; allowed: smoke, laptop, paper"),
        ("seeds: [0]", "seeds: [0, 0]", "seeds is a list of different integers"),
        ("seeds: [0]", "seeds: 3", "seeds is a list of different integers"),
        ("seeds: [0]", "seeds: [0], overrides: [seed=1]", "'seed=1' is not allowed here"),
        ("seeds: [0]", "seeds: [0], overrides: [model]", "write key=value"),
        ("value: 3", "value: [3]", "reported.value is a number or a text"),
        ("at_most", "at_moist", "at_moist cannot stand beside metric"),
        ("relation:", "cost_minutes: cheap\n        relation:", "cost_minutes is a number"),
        ("relation:", "long: maybe\n        relation:", "long is true or false"),
        ("relation:", "report: [x]\n        relation:", "report is a mapping"),
    ],
)
def test_mistakes_name_file_and_claim(tmp_path, old, new, message):
    path = tmp_path / "claims.yaml"
    assert old in CLAIM
    path.write_text(CLAIM.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as mistake:
        read(path)
    assert str(mistake.value).startswith(f"{path}, claim A")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claims: []", "at least one claim"),
        ("rows: []", "the one key 'claims'"),
        ("claims: [", "not valid YAML"),
        ("claims: [{id: A, id: B}]", "not valid YAML"),
        ("claims: [3]", "claim number 1: expected a mapping"),
        (CLAIM + CLAIM.replace("claims:\n", ""), "ids occur twice: A"),
    ],
)
def test_broken_files_are_refused(tmp_path, text, message):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read(path)


def test_no_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"claims.yaml does not exist"):
        read(tmp_path / "claims.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: layer_equivalence", "task: layer_equivalenc", "Did you mean 'layer_equivalence'"),
        ("task: layer_equivalence", "task: lra", "only runs others; name them"),
        ("seeds: [0]", "seeds: [0], overrides: [task.lenght=3]", "task.lenght"),
        ("/closed_form/", "/open_form/", "listed: layer_equivalence/closed_form"),
        (
            "runs: [",
            "runs: [{task: layer_equivalence, overrides: [task.length=9], seeds: [0]}, ",
            "same variant 'closed_form' and seed 0 but other settings",
        ),
    ],
)
def test_runs_must_compose_and_be_told_apart(tmp_path, old, new, message):
    path = tmp_path / "claims.yaml"
    path.write_text(CLAIM.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as mistake:
        plan("s5_ptd", path)
    assert "claim A" in str(mistake.value)


def test_shared_runs_count_once(planned, tmp_path):
    assert len(planned.unique_runs("laptop")) == 7
    assert [r.seed for r in planned.unique_runs("laptop", ["A"])] == [0]
    twice = tmp_path / "claims.yaml"
    twice.write_text(CLAIM + CLAIM.replace("claims:\n", "").replace("id: A", "id: B"))
    assert len(plan("s5_ptd", twice).unique_runs("laptop")) == 1
    with pytest.raises(UserError, match="no claim 'Z' at scale laptop; allowed: A, B"):
        planned.unique_runs("laptop", ["Z"])


def test_the_hash_is_that_of_the_command(planned):
    from hydra import compose, initialize_config_dir

    from common.experiment.identity import config_hash, plain
    from common.experiment.paths import conf_folder

    run = planned.unique_runs("laptop", ["B"])[-1]
    assert run.key == ("lra/image", "s5", "laptop", 2)
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("config", overrides=run.arguments)
    assert config_hash(plain(config)) == run.config_hash
