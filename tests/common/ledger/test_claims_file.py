"""Reading claims.yaml: what is understood, and how mistakes in it are explained."""

import math
import re

import pytest

from common.errors import UserError
from common.ledger.claims import Claim, json_schema, read
from common.ledger.evaluate import evaluate
from common.ledger.freshness import Present
from common.ledger.plan import plan
from common.ledger.relation_syntax import FORMS
from common.ledger.runs import RunRow

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
    assert (a.id, a.kind, a.figures, a.note) == ("A", "claim", "equal", "")
    assert b.figures == "87.92 %"
    assert [(r.task, r.overrides) for r in b.checks["laptop"].specs] == [
        ("lra/image", ("model=s5_ptd",)),
        ("lra/image", ("model=s5",)),
    ]
    assert b.checks["paper"].needs == "GPUs"
    assert b.checks["paper"].rule.metrics() == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "kind: claim",
            "kind: rumour",
            "kind: input should be 'claim', 'theory' or 'correction', not 'rumour'",
        ),
        ("    source: Table 1\n", "", "source missing"),
        ("statement: s", "statement: ''", "statement: string should have at least 1 character"),
        ("statement: s", "statment: s", "unknown key statment; .*did you mean statement"),
        ("source:", "colour: red\n    source:", "unknown key colour; allowed: id, kind"),
        ("laptop:", "desktop:", "'laptop' or 'paper', not 'desktop'"),
        ("seeds: [0]", "seeds: [0, 0]", "seeds are different integers"),
        ("seeds: [0]", "seeds: 3", "seeds: a list is wanted, not 3"),
        ("seeds: [0]", "seeds: [0], overrides: [seed=1]", "'seed=1' is not allowed here"),
        ("seeds: [0]", "seeds: [0], overrides: [model]", "write key=value"),
        ("value: 3", "value: [3]", "value: a number or a text is wanted"),
        ("at_most", "at_moist", "unknown key at_moist; allowed: .*did you mean at_most"),
        (
            "relation:",
            "cost_minutes: cheap\n        relation:",
            "cost_minutes: a number is wanted, not 'cheap'",
        ),
        (
            "relation:",
            "long: maybe\n        relation:",
            "long: true or false is wanted, not 'maybe'",
        ),
        (
            "relation:",
            "report: [x]\n        relation:",
            "report: a mapping is wanted",
        ),
    ],
)
def test_mistakes_name_file_and_claim(tmp_path, old, new, message):
    path = tmp_path / "claims.yaml"
    assert old in CLAIM
    path.write_text(CLAIM.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as mistake:
        read(path)
    for line in str(mistake.value).splitlines():
        assert re.match(rf"{re.escape(str(path))}:\d+: claim A: ", line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claims: []", "at least 1 item"),
        ("rows: []", "unknown key rows; allowed: claims"),
        ("claims: [", r"claims\.yaml:2: not valid YAML"),
        ("claims:\n- {id: A, id: B}", r"claims\.yaml:2: not valid YAML: key 'id' occurs twice"),
        ("claims: [3]", "a mapping with id, kind, .* is wanted, not 3"),
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


VARIANTS = CLAIM.replace(
    "runs: [{task: layer_equivalence, seeds: [0]}]",
    "runs: [{task: lra/image, overrides: ['model={m}'], for_each: {m: [s5, s5_ptd]}, "
    "seeds: [0, 1]}]",
).replace(
    "{metric: layer_equivalence/closed_form/scan_error, at_most: 1e-9}",
    "{difference: [lra/image/s5/accuracy, lra/image/s5_ptd/accuracy], above: 0}",
)


def test_a_mistake_is_named_with_its_line(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(CLAIM.replace("1e-9", "tiny"))
    with pytest.raises(UserError, match=rf"{path}:11: claim A: scale laptop: at_most: .*'tiny'"):
        read(path)


def test_a_comparison_states_its_budget(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(VARIANTS)
    with pytest.raises(UserError, match="variants are compared; say what is equal"):
        read(path)
    path.write_text(f"{VARIANTS}        equal: [steps]\n")
    (claim,) = read(path)
    assert claim.checks["laptop"].compares()
    path.write_text(f"{VARIANTS}        equal: [luck]\n")
    with pytest.raises(UserError, match="'parameters', 'steps' or 'seconds', not 'luck'"):
        read(path)


def test_a_run_that_two_lines_call_for_is_one_piece_of_evidence(tmp_path):
    path = tmp_path / "claims.yaml"
    text = CLAIM.replace("layer_equivalence/closed_form/scan_error", "lra/image/s5_ptd/accuracy")
    twice = "{task: lra/image, seeds: [0, 1]}, {task: lra/image, overrides: [model=s5_ptd], "
    text = text.replace("{task: layer_equivalence, ", twice)
    path.write_text(text)  # the second says what is the default
    assert [run.seed for run in plan("s5_ptd", path).runs["A", "laptop"]] == [0, 1]


def test_a_mistake_in_a_repeated_run_is_named(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(
        CLAIM.replace("seeds: [0]", "seeds: [0], overrides: ['{k}=1'], for_each: {k: [seed]}")
    )
    with pytest.raises(UserError, match=r"claims\.yaml:\d+: claim A: .*'seed=1' is not allowed"):
        read(path)


def test_pairs_need_the_same_seeds(tmp_path):
    path = tmp_path / "claims.yaml"
    text = VARIANTS.replace("above: 0", "paired: true, lies_above: 0")
    text = text.replace("seeds: [0, 1]}]", "seeds: [0, 1]}, {task: lra/image, seeds: [2]}]")
    path.write_text(f"{text}        equal: [steps]\n")
    with pytest.raises(UserError, match="pairs seed with seed"):
        plan("s5_ptd", path)


CODE = "a digest"
REPORTED = f"""{VARIANTS}        equal: [steps]
        report:
          s5: lra/image/s5/accuracy
          above s5: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy]
          over s5: {{ratio: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy]}}
          with loss:
            rank_correlation:
              - [lra/image/s5/accuracy, lra/image/s5_ptd/loss]
              - [lra/image/s5_ptd/accuracy, lra/image/s5/loss]
              - [lra/image/s5_ptd/loss, lra/image/s5/accuracy]
          medians: {{medians_of: [lra/image/s5_ptd/accuracy, lra/image/s5/accuracy]}}
          slope: {{slope_of: {{1: lra/image/s5/accuracy, 2: lra/image/s5_ptd/accuracy}}}}
"""


def test_a_report_shows_means_and_what_is_formed_of_them(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(REPORTED)
    planned = plan("s5_ptd", path)
    rows = [
        RunRow(
            *run.key,
            run.config_hash,
            metrics={"accuracy": value, "loss": -value},
            code={"common.errors": CODE},
        )
        for run, value in zip(planned.runs["A", "laptop"], (40.0, 44.0, 41.0, 46.0), strict=True)
    ]
    assert [(run.variant, run.seed) for run in planned.runs["A", "laptop"]] == [
        ("s5", 0),
        ("s5", 1),
        ("s5_ptd", 0),
        ("s5_ptd", 1),
    ]
    present = Present(lambda module: CODE)
    (result,) = evaluate(planned, rows, "laptop", {}, present)
    mean, difference, ratio, correlation, medians, slope = result.report
    assert (mean.value, difference.value) == (42.0, 1.5)
    assert difference.measured.startswith("43.5 - 42 = 1.5 ± ")
    assert ratio.measured == "43.5 / 42 = 1.036"
    assert correlation.measured == "-0.5 over 3 pairs"
    assert medians.measured == "43.5 - 42 = 1.5"
    assert slope.value == pytest.approx(math.log2(43.5 / 42))
    assert {shown.verdict for shown in result.report} == {""}
    (result,) = evaluate(planned, rows[:3], "laptop", {}, present)
    assert {shown.verdict for shown in result.report[1:]} == {"not run"}
    path.write_text(REPORTED.replace("[lra/image/s5_ptd/accuracy, ", "["))
    with pytest.raises(UserError, match="at least 2 items"):
        read(path)
    text = REPORTED.replace("seeds: [0, 1]}]", "seeds: [0, 1]}, {task: lra/image, seeds: [2]}]")
    path.write_text(text)
    with pytest.raises(UserError, match="above s5 pairs seed with seed"):
        plan("s5_ptd", path)


CORRECTION = """    correction:
      paper: says so
      code: does so
      measurement: is so
      test: tests/common/ledger/test_claims_file.py::test_corrections_say_who_disagrees
      consequence: none
"""


def test_corrections_say_who_disagrees(tmp_path):
    path = tmp_path / "claims.yaml"
    text = CLAIM.replace("kind: claim", "kind: correction")
    path.write_text(text)
    with pytest.raises(UserError, match="go together"):
        read(path)
    path.write_text(text + CORRECTION)
    assert read(path)[0].correction.measurement == "is so"
    path.write_text(text + CORRECTION.replace("      code: does so\n", ""))
    with pytest.raises(UserError, match="code missing"):
        read(path)


def test_theory_may_be_measured_by_other_rows(tmp_path):
    path = tmp_path / "claims.yaml"
    theory = CLAIM[: CLAIM.index("    checks:")].replace("claims:\n", "").replace("id: A", "id: B")
    theory = theory.replace("kind: claim", "kind: theory")
    path.write_text(CLAIM + theory + "    measured_by: [A]\n")
    assert read(path)[1].measured_by == ["A"]
    path.write_text(CLAIM + theory + "    measured_by: [Z]\n")
    with pytest.raises(UserError, match="measured_by names Z"):
        read(path)
    path.write_text(CLAIM + theory)
    with pytest.raises(UserError, match="checks missing"):
        read(path)


def test_the_schema_describes_the_committed_files():
    schema = json_schema()
    assert schema["required"] == ["claims"]
    assert set(schema["$defs"]["Claim"]["properties"]) == set(Claim.model_fields)
    forms = {name for name in schema["$defs"] if name in {f.__name__ for f in FORMS.values()}}
    assert len(forms) == len(FORMS)


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
