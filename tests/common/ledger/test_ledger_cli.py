"""The commands: what they print and write, and how they exit."""

import json
import subprocess
import sys

import pytest

from common.ledger.__main__ import main
from common.ledger.readme import begin, end
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
    assert main(["check", "s5_ptd"], folders) == 0
    printed = capsys.readouterr().out
    assert "fails" in printed
    assert "B fails: Three seeds are few." in printed
    assert "31 - 40 = -9 ± 2.3" in printed
    assert "python -m common.ledger run s5_ptd --claim B" in printed
    page = (folders.results / "README.md").read_text()
    assert "| [s5_ptd](#s5_ptd) | 1 | 1 | 0 | 0 | 0 |" in page
    assert (
        "| A | Three ways give one layer (method) | equal | 2e-15 (<= 1e-09) | **holds** |" in page
    )


def test_check_fits_a_narrow_terminal(folders, put_all, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    put_all()
    assert main(["check"], folders) == 0
    printed = capsys.readouterr().out
    assert "published:" in printed
    assert "--claim <claim>" in printed
    assert "…" not in printed


def test_check_as_json(folders, put_all, capsys):
    put_all()
    assert main(["check", "--json"], folders) == 0
    content = json.loads(capsys.readouterr().out)["s5_ptd"]
    assert content["A"]["verdict"] == "holds"
    assert content["A"]["compared"][0]["value"] == 2e-15
    assert content["B"]["report"][0]["measured"] == "11"


def test_check_at_a_scale_that_needs_more(folders, capsys):
    assert main(["check", "s5_ptd", "--scale", "paper"], folders) == 0
    assert "B not run: missing: needs GPUs; lra/image s5_ptd, seed 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "s9"], "Papers with claims: s5_ptd"),
        (["check", "--scale", "huge"], "Unknown scale 'huge'; allowed: smoke, laptop, paper"),
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
    assert "broken is left out" in captured.err


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
