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
        git("add", "results")
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
    assert (b["old"], b["new"], b["worse"]) == ("holds", "fails", True)
    assert b["figures"] == [
        {
            "metric": "lra/image/s5_ptd/accuracy",
            "old": 51.0,
            "new": 31.0,
            "change": pytest.approx(-20 / 51),
        }
    ]
    assert (a["old"], a["new"], a["worse"]) == ("holds", "holds", False)
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
