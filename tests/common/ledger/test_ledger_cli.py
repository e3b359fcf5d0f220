"""The commands: what they print and write, and how they exit."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from common.ledger.__main__ import main
from common.ledger.readme import begin, end
from common.ledger.runs import read_runs, to_json
from tests.running import ROOT

BEGIN, END = begin("ledger"), end("ledger")


def test_help_loads_nothing_heavy():
    code = (
        "import runpy, sys\nsys.argv = ['ledger', '--help']\n"
        "try:\n    runpy.run_module('common.ledger', run_name='__main__')\n"
        "except SystemExit as stopped:\n"
        "    heavy = {'torch', 'hydra', 'numpy', 'scipy', 'rich'} & set(sys.modules)\n"
        "    print(stopped.code, heavy or 'nothing heavy')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "validate" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 nothing heavy"


def test_check_prints_and_writes(folders, put_all, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    put_all(ptd=(30, 31, 32))
    assert main(["check", "s5_ptd"], folders) == 1
    printed = capsys.readouterr().out
    assert "fails" in printed
    assert "B fails: Three seeds are few." in printed
    assert "31 - 40 = -9 ± 2.3" in printed
    assert "python -m common.ledger run s5_ptd --claim B" in printed
    page = (folders.results / "README.md").read_text()
    assert "| [s5_ptd](#s5_ptd) | 1 | 1 | 0 | 0 | 0 |" in page
    assert (
        "| A | Three ways give one layer (method) | equal | 2e-15 (<= 1e-09) | **holds** | " in page
    )
    assert (
        "laptop, 3 seeds · paper's data: no · commit aaaaaaaa · 6 runs, 3 min<br>equal steps"
        in page
    )


def test_check_fits_a_narrow_terminal(folders, put_all, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    put_all()
    assert main(["check"], folders) == 0
    printed = capsys.readouterr().out
    assert "published:" in printed
    assert "--claim A" in printed
    assert "…" not in printed


def test_check_as_json(folders, put_all, capsys):
    put_all()
    assert main(["check", "--json"], folders) == 0
    content = json.loads(capsys.readouterr().out)["s5_ptd"]
    assert content["A"]["verdict"] == "holds"
    assert content["A"]["compared"][0]["value"] == 2e-15
    assert content["B"]["report"][0]["measured"] == "11"
    assert content["B"]["data_is_paper_data"] is False
    assert content["B"]["commits"] == ["a" * 12]
    assert (content["B"]["seconds"], content["B"]["runs"]) == (180.0, 6)
    assert content["B"]["budget"] == "equal steps"
    assert content["B"]["scale"] == "laptop"
    assert content["A"]["data_is_paper_data"] is None


def test_check_at_a_scale_that_needs_more(folders, capsys):
    assert main(["check", "s5_ptd", "--scale", "paper"], folders) == 0
    assert "B not run: missing: needs GPUs; lra/image s5_ptd, seed 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "s9"], "Papers with claims: s5_ptd"),
        (["check", "--scale", "huge"], "Unknown scale 'huge'; allowed: laptop, paper"),
        (["run", "s5_ptd", "--claim", "Z"], "no claim 'Z'"),
        (["run", "s5_ptd", "--jobs", "0"], "start at 1"),
        (["readme", "s5_ptd"], "README.md does not exist"),
        (["readme", "s5_ptd", "--root"], "name none"),
    ],
)
def test_mistakes_exit_2(folders, capsys, arguments, message):
    assert main(arguments, folders) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_command_exits_2(folders):
    with pytest.raises(SystemExit) as stopped:
        main(["prove"], folders)
    assert stopped.value.code == 2


def test_collect_says_what_it_left_out(folders, put_all, capsys):
    put_all()
    broken = folders.outputs / "s5_ptd" / "broken"
    broken.mkdir()
    (broken / "record.json").write_text("{")
    assert main(["collect"], folders) == 0
    captured = capsys.readouterr()
    assert "7 runs" in captured.out
    assert f"left out: {broken}" in captured.err


def test_validate(folders, capsys):
    assert main(["validate"], folders) == 0
    assert "2 claims, 8 runs, all compose" in capsys.readouterr().out


def test_readme_keeps_what_a_person_wrote(folders, put_all):
    put_all()
    readme = folders.readme("s5_ptd")
    readme.write_text(f"# Mine\n{BEGIN}\nan earlier table\n{END}\nmine too\n")
    for _ in range(2):
        assert main(["readme", "s5_ptd"], folders) == 0
        text = readme.read_text()
        assert text.startswith(f"# Mine\n{BEGIN}\n\n| claim |")
        assert text.endswith(f"|\n\n{END}\nmine too\n")
        assert "an earlier table" not in text
    assert "| lra/image | s5 | 40 ± 2.5 (3) | 88 | 10 | majority 11 | no |" in text
    assert "- **B** unresolved: Three seeds are few." in text


def test_root_readme_counts_verdicts(folders, put_all):
    put_all()
    folders.root_readme.write_text(f"{BEGIN}{END}")
    assert main(["readme", "--root"], folders) == 0
    line = folders.root_readme.read_text().splitlines()[4]
    assert line.startswith("| [s5_ptd](papers/s5_ptd/README.md) | Robustifying")
    assert "`lra/image`" in line
    assert line.endswith("| 1 | 0 | 1 | 0 | 0 |")


@pytest.mark.parametrize("text", ["none", BEGIN, f"{END} {BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_markers_must_be_there_once_in_order(folders, capsys, text):
    folders.readme("s5_ptd").write_text(text)
    assert main(["readme"], folders) == 2
    assert "ledger:begin" in capsys.readouterr().err
    assert folders.readme("s5_ptd").read_text() == text


def test_status_counts_writes_nothing_and_says_what_is_open(folders, put_all, capsys):
    put_all()
    assert main(["status"], folders) == 0
    printed = capsys.readouterr().out
    assert "s5_ptd B unresolved: S5-PTD is not worse than S5" in printed
    assert not folders.results.exists()
    assert main(["status", "--json"], folders) == 0
    content = json.loads(capsys.readouterr().out)["s5_ptd"]
    assert content["verdicts"] == {"A": "holds", "B": "unresolved"}
    assert content["counts"]["holds"] == 1
    assert content["runs"] == 7


def test_status_exits_1_when_something_fails(folders, put_all):
    put_all(ptd=(30, 31, 32))
    assert main(["status"], folders) == 1
    assert main(["status", "--scale", "paper"], folders) == 0


def test_check_names_what_was_changed_by_hand(folders, put_all, capsys):
    put_all(ptd=(50, 51, 52))
    assert main(["check"], folders) == 0
    means = folders.summary("s5_ptd")
    means.write_text(means.read_text().replace("51.0", "91.0"))
    capsys.readouterr()
    assert main(["check"], folders) == 1
    assert "not as recorded" in capsys.readouterr().err
    assert main(["check"], folders) == 0


def test_explain_shows_the_whole_chain(folders, put_all, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    put_all()
    main(["check"], folders)
    capsys.readouterr()
    assert main(["explain", "s5_ptd", "B"], folders) == 0
    printed = capsys.readouterr().out
    for part in (
        "S5-PTD is not worse than S5",
        "source     Table 1",
        "published  87.92 %",
        "lra/image s5 seed 2  config",
        "up to date",
        "python run.py paper=s5_ptd task=lra/image scale=laptop model=s5 seed=2",
        "outputs/s5_ptd/lra/image/s5-2",
        "lra/image/s5/accuracy: 39, 40, 41; mean 40 ± 2.5",
        "41 - 40 = 1 ± 2.3 interval > -1",
        "unresolved",
        "budget: equal steps",
        "Three seeds are few.",
    ):
        assert part in printed, part
    assert main(["explain", "s5_ptd", "B", "--json"], folders) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["runs"]) == 6
    assert all(len(run["sha256"]) == 64 for run in content["runs"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "s5_ptd", "Z"], "no claim 'Z'; allowed: A, B"),
        (["explain", "s5_ptd", "A", "--scale", "paper"], "no check at scale paper; it has laptop"),
        (["diff", "no-such-revision"], "is no revision of a git checkout"),
    ],
)
def test_other_mistakes_exit_2(folders, capsys, arguments, message):
    assert main(arguments, folders) == 2
    assert message in capsys.readouterr().err


def test_schema_is_json(folders, capsys):
    assert main(["schema"], folders) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "ClaimsFile"


def test_every_mistake_of_every_file_is_named(folders, capsys):
    path = folders.claims("s5_ptd")
    text = path.read_text().replace("kind: claim", "kind: rumour")
    path.write_text(text)
    assert main(["validate"], folders) == 2
    said = capsys.readouterr().err
    assert f"{path}:4: claim A: kind" in said
    assert "claim B: kind" in said


def test_a_mistake_in_another_paper_is_said_last(folders, put_all, capsys):
    put_all()
    assert main(["check"], folders) == 0
    page = (folders.results / "README.md").read_text()
    folders.claims("other").parent.mkdir()
    folders.claims("other").write_text("claims: [")
    capsys.readouterr()
    assert main(["check", "s5_ptd"], folders) == 2
    captured = capsys.readouterr()
    assert "1 holds, 1 unresolved" in captured.out
    assert "other/claims.yaml:" in captured.err
    assert (folders.results / "README.md").read_text() == page


def test_readme_check_names_what_is_out_of_date(folders, put_all, capsys):
    put_all()
    for path in (folders.root_readme, folders.readme("s5_ptd")):
        path.write_text(f"{BEGIN}\n{END}\n")
    made = (["readme"], ["readme", "--root"], ["check"])
    for command in made:
        assert main(command, folders) == 0
    assert main(["readme", "--check"], folders) == 0
    pages = (folders.root_readme, folders.readme("s5_ptd"), folders.results / "README.md")
    for path in pages:
        text = path.read_text()
        path.write_text(text.replace("| 1 |", "| 2 |").replace("**unresolved**", "**holds**"))
        assert path.read_text() != text
        capsys.readouterr()
        assert main(["readme", "--check"], folders) == 1
        assert capsys.readouterr().out.startswith(f"{path}: ")
        path.write_text(text)
    pages[2].unlink()
    assert main(["readme", "--check", "s5_ptd"], folders) == 0  # the page is of all papers
    assert main(["readme", "--check"], folders) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"unresolved"', '"holds"'), "its verdicts are not those that were reached"),
        (('"mean": 41.0', '"mean": 91.0'), "is 91.0, its runs give 41.0"),
    ],
)
def test_a_summary_changed_by_hand_is_named_everywhere(folders, put_all, capsys, change, said):
    put_all()
    assert main(["check"], folders) == 0
    means = folders.summary("s5_ptd")
    means.write_text(means.read_text().replace(*change))
    for command in (["status"], ["explain", "s5_ptd", "A"], ["check"]):
        capsys.readouterr()
        assert main(command, folders) == 1
        captured = capsys.readouterr()
        assert said in " ".join(f"{captured.out} {captured.err}".split())
    assert main(["status"], folders) == 0  # check made it anew


def test_a_run_that_its_record_contradicts_does_not_count(folders, put_all, capsys):
    """Whoever changes a figure may reckon its digest anew."""
    put_all()
    assert main(["check"], folders) == 0
    stored = read_runs(folders.runs("s5_ptd"))
    forged = [
        replace(row, metrics=row.metrics | {"accuracy": 99.0}) if row.variant == "s5_ptd" else row
        for row in stored.rows
    ]
    folders.runs("s5_ptd").write_text(to_json(forged, stored.verdicts))
    capsys.readouterr()
    assert main(["check", "--json"], folders) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["s5_ptd"]["B"]["verdict"] == "unresolved"
    assert "lra/image s5_ptd laptop 0 is not what its record says" in captured.err
    assert read_runs(folders.runs("s5_ptd")) == stored


def test_a_reader_that_has_seen_enough_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "common.ledger", "schema"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
