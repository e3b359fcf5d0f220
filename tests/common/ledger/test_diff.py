"""Two commits side by side, in a real git repository."""

import json
import subprocess

import pytest

from common.ledger.__main__ import main


@pytest.fixture
def commit(folders):
    """Commit the results of a checkout that is a git repository."""
    root = folders.results.parent

    def git(*arguments):
        subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)

    git("init", "-q")
    for key, value in (("user.name", "t"), ("user.email", "t@example.org")):
        git("config", key, value)

    def commit(name):
        main(["check"], folders)
        git("add", "results", "papers")
        git("commit", "-qm", name)
        git("tag", name)

    return commit


def test_what_got_worse_comes_first(folders, put_all, put, make_record, commit, capsys):
    put_all(ptd=(50, 51, 52))
    commit("first")
    scan = {"scan_error": 5e-15}
    put(make_record("layer_equivalence", "closed_form", 0, scan, started="2027"), "e2")
    for seed in range(3):
        late = {"accuracy": 30.0 + seed, "baseline_majority": 11.0, "steps": 100.0}
        put(make_record("lra/image", "s5_ptd", seed, late, started="2027"), f"late-{seed}")
    capsys.readouterr()
    assert main(["diff", "first"], folders) == 1
    printed = capsys.readouterr().out
    assert printed.index("s5_ptd B") < printed.index("s5_ptd A")
    commit("second")
    capsys.readouterr()
    assert main(["diff", "first", "second", "--json"], folders) == 1
    b, a = json.loads(capsys.readouterr().out)["claims"]
    assert (b["old"], b["new"], b["change"]) == ("holds", "fails", "worse")
    assert b["figures"] == [
        {
            "metric": "lra/image/s5_ptd/accuracy",
            "old": 51.0,
            "new": 31.0,
            "change": pytest.approx(-20 / 51),
        }
    ]
    assert (a["old"], a["new"], a["change"]) == ("holds", "holds", "")
    assert a["figures"][0]["change"] == pytest.approx(1.5)
    # Backwards it is an improvement, and nothing differs from itself.
    assert main(["diff", "second", "first"], folders) == 0
    capsys.readouterr()
    assert main(["diff", "second"], folders) == 0
    assert "2 claims, all the same" in capsys.readouterr().out


def test_a_paper_that_was_not_there_is_new(folders, put_all, commit, capsys):
    (folders.results / "README.md").parent.mkdir(parents=True)
    (folders.results / "README.md").write_text("empty")
    root = folders.results.parent
    subprocess.run(["git", "-C", str(root), "add", "results"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "x"], check=True)
    put_all()
    assert main(["diff", "HEAD"], folders) == 0
    printed = capsys.readouterr().out
    assert "new" in printed
    assert "lra/image/s5/accuracy" in printed


@pytest.fixture
def diff(folders, capsys):
    """Exit status and rows of ``ledger diff``."""

    def diff(*revisions):
        capsys.readouterr()
        status = main(["diff", *revisions, "--json"], folders)
        rows = json.loads(capsys.readouterr().out)["claims"]
        return status, {row["claim"]: row for row in rows}

    return diff


def test_a_moved_bound_is_shown_though_the_verdict_stays(folders, put_all, commit, diff, capsys):
    put_all()
    commit("first")
    claims = folders.claims("s5_ptd")
    claims.write_text(claims.read_text().replace("at_most: 1.0e-9", "at_most: 1.0e-3"))
    moved = [{"entry": "relation.at_most", "old": "1e-09", "new": "0.001"}]
    status, rows = diff("first")
    assert (status, list(rows), rows["A"]["asked"]) == (0, ["A"], moved)
    commit("second")
    assert diff("first", "second") == (0, rows)
    assert main(["diff", "first"], folders) == 0
    assert "relation.at_most" in capsys.readouterr().out
    text = claims.read_text()
    for old, new, entry in (
        ("Three ways", "Three other ways", "statement"),
        ("value: equal", "value: different", "reported.value"),
        ("kind: claim", "kind: theory", "kind"),
        ("equal: [steps]", "equal: [seconds]", "equal"),
        ("at_most: 1.0e-3", "above: 0", "relation.above"),
    ):
        claims.write_text(text.replace(old, new))
        _, rows = diff("second")
        assert entry in [one["entry"] for row in rows.values() for one in row["asked"]]


def test_other_runs_are_shown(folders, put_all, commit, diff):
    put_all()
    commit("first")
    claims = folders.claims("s5_ptd")
    claims.write_text(claims.read_text().replace("seeds: [0, 1, 2]", "seeds: [0, 1]"))
    _, rows = diff("first")
    entry = {"entry": "runs[0].seeds", "old": "[0, 1, 2]", "new": "[0, 1]"}
    assert rows["B"]["asked"] == [entry]
    # The figures are those that the claim reads, not all that were measured.
    figures = {one["metric"]: (one["old"], one["new"]) for one in rows["B"]["figures"]}
    assert figures["lra/image/s5_ptd/accuracy"] == (41.0, 40.5)


def test_a_claim_that_is_gone_is_a_loss(folders, put_all, commit, diff, capsys):
    put_all()
    commit("first")
    claims = folders.claims("s5_ptd")
    whole = claims.read_text()
    claims.write_text(whole[: whole.index("  - id: B")])
    status, rows = diff("first")
    assert status == 1
    assert (rows["B"]["old"], rows["B"]["new"], rows["B"]["change"]) == (
        "unresolved",
        "-",
        "removed",
    )
    assert rows["B"]["statement"] == "S5-PTD is not worse than S5"
    commit("second")
    assert diff("first", "second") == (1, rows)
    status, back = diff("second", "first")
    assert (status, back["B"]["change"]) == (0, "new")


def test_a_paper_that_is_gone_is_a_loss(folders, put_all, commit, diff):
    put_all()
    commit("first")
    other = folders.claims("other")
    other.parent.mkdir()
    folders.claims("s5_ptd").rename(other)
    folders.summary("s5_ptd").unlink()
    root = folders.results.parent
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "x"], check=True)
    subprocess.run(["git", "-C", str(root), "tag", "second"], check=True)
    status, rows = diff("first", "second", "--paper", "s5_ptd")
    assert status == 1
    assert {row["change"] for row in rows.values()} == {"removed"}
    assert diff("first", "second")[0] == 1
    assert main(["diff", "first", "second", "--paper", "s5"], folders) == 2


def test_claims_of_another_time_are_compared_as_they_are(folders, put_all, commit, diff):
    put_all()
    claims = folders.claims("s5_ptd")
    now = claims.read_text()
    commit("first")
    claims.write_text(now.replace("at_most: 1.0e-9", "no_more_than: 1.0e-9"))
    root = folders.results.parent
    subprocess.run(["git", "-C", str(root), "commit", "-qam", "x"], check=True)
    claims.write_text(now)
    _, rows = diff("HEAD")
    assert [one["entry"] for one in rows["A"]["asked"]] == [
        "relation.no_more_than",
        "relation.at_most",
    ]


@pytest.mark.parametrize("text", ["claims: [", "nothing: here", "claims: [{kind: claim}]"])
def test_claims_that_cannot_be_read_are_named_with_their_revision(
    folders, put_all, commit, capsys, text
):
    put_all()
    commit("first")
    claims = folders.claims("s5_ptd")
    now = claims.read_text()
    claims.write_text(text)
    root = folders.results.parent
    subprocess.run(["git", "-C", str(root), "commit", "-qam", "x"], check=True)
    claims.write_text(now)
    assert main(["diff", "HEAD"], folders) == 2
    assert "HEAD:" in capsys.readouterr().err


def test_the_worst_comes_first(folders, put_all, put, make_record, commit, capsys):
    """Removed, worse, asked otherwise, other figures."""
    put_all()
    commit("first")
    scan = {"scan_error": 5e-15}
    put(make_record("layer_equivalence", "closed_form", 0, scan, started="2027"), "e2")
    claims = folders.claims("s5_ptd")
    text = claims.read_text()
    claims.write_text(text.replace("lies_above: -1.0", "lies_above: -1.1"))
    capsys.readouterr()
    main(["diff", "first", "--json"], folders)
    assert [r["claim"] for r in json.loads(capsys.readouterr().out)["claims"]] == ["B", "A"]
    claims.write_text(text[: text.index("  - id: B")].replace("1.0e-9", "1.0e-30"))
    main(["diff", "first", "--json"], folders)
    rows = json.loads(capsys.readouterr().out)["claims"]
    assert [(r["claim"], r["change"]) for r in rows] == [("B", "removed"), ("A", "worse")]


def test_a_revision_without_runs_is_compared_by_its_means(folders, put_all, commit, diff):
    put_all()
    main(["check"], folders)
    folders.runs("s5_ptd").unlink()
    root = folders.results.parent
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "x"], check=True)
    status, rows = diff("HEAD")
    assert (status, rows) == (0, {})
