"""All pages: well-formed, every link leads somewhere, everything escaped, the same bytes twice."""

import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

from common.errors import UserError
from common.ledger import report
from common.ledger.__main__ import main
from common.ledger.report import write_report
from tests.common.ledger.report.conftest import CLAIMS
from tests.common.ledger.report.html_page import Page
from tests.running import ROOT

NAMES = ("index.html", "errata.html", "comparisons.html", "alpha.html", "beta.html")


@pytest.fixture(scope="module")
def pages(site):
    return {name: Page((site / name).read_text()) for name in NAMES}


def test_files(site):
    found = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert found == {
        *NAMES,
        ".structlab-report",
        "style.css",
        "script.js",
        "papers/alpha/README.md",
        "curves/alpha.csv",
        "figures/alpha/kappa_against_ratio.svg",
        "figures/alpha/50 % & #2.svg",
        "figures/sizes/net.svg",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole(pages, name):
    page = pages[name]
    assert len(page.ids) == len(set(page.ids))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(page.headings))
    assert page.all("html", lang="en")
    for landmark in ("header", "nav", "main", "footer"):
        assert page.all(landmark)
    for cell in page.all("th"):
        assert cell.get("scope") in ("row", "col")
    labelled = {label["for"] for label in page.all("label")}
    for tag in ("input", "select"):
        assert all(control["id"] in labelled for control in page.all(tag))
    assert all(image["alt"] for image in page.all("img"))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(pages, site, name):
    for link in pages[name].links:
        if link == "data:,":  # no icon
            continue
        file, _, fragment = link.partition("#")
        assert not file.startswith("/")
        assert "://" not in file
        file = unquote(file) or name
        assert (site / file).is_file(), link
        if fragment:
            assert fragment in pages[file].ids, link


def test_nothing_comes_from_elsewhere(site):
    for name in (*NAMES, "style.css", "script.js"):
        text = (site / name).read_text()
        assert "http:" not in text
        assert "https:" not in text
        assert "@import" not in text
        assert "url(" not in text


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_claim_becomes_an_element(pages, name):
    assert len(pages[name].all("script")) == 1
    assert not pages[name].all("b")
    assert not pages[name].all("i")


def test_what_is_escaped_reads_as_it_was_written(pages):
    alpha = pages["alpha.html"].text
    for text in (
        'Model x <script>alert(1)</script> reaches 85 % & more, as "promised"',
        "Alpha & <b>Beta</b>: \"a\" 'b'",
        "Table 1 <&>",
        "87.61 % & up",
        "x <i> over chance",
        "majority <share>",
        "It is the other way round <here>.",
        "none for <the table>",
        "a <processor>",
        "50 % & #2",
    ):
        assert text in alpha


def test_every_claim_has_its_place(pages):
    assert [i for i in pages["alpha.html"].ids if i.startswith("A")] == [
        f"A{n}" for n in (1, 2, 3, 4, 5, 6, 10)
    ]
    assert "B1" in pages["beta.html"].ids


def test_the_same_ledgers_give_the_same_bytes(ledgers, folders, site, tmp_path):
    again = write_report(ledgers, folders, tmp_path / "elsewhere").parent
    for path in site.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(site)).read_bytes(), path.name


def test_no_place_of_this_machine_is_named(site, folders):
    for name in NAMES:
        assert str(folders.results) not in (site / name).read_text()


def test_a_small_change_is_a_small_difference(ledgers, folders, site, tmp_path):
    from dataclasses import replace
    from difflib import unified_diff

    alpha, beta = ledgers
    first = alpha.results["laptop"][0]
    claim = first.claim.model_copy(update={"source": "Table 2"})
    laptop = [replace(first, claim=claim), *alpha.results["laptop"][1:]]
    changed = replace(
        alpha,
        plan=replace(alpha.plan, claims=(claim, *alpha.plan.claims[1:])),
        results=alpha.results | {"laptop": laptop},
    )
    other = write_report([changed, beta], folders, tmp_path / "report").parent
    for name, lines in (("alpha.html", 1), ("index.html", 2)):
        old, new = ((folder / name).read_text().splitlines() for folder in (site, other))
        difference = list(unified_diff(old, new, n=0, lineterm=""))
        assert len([line for line in difference[2:] if line.startswith("+")]) == lines


def test_an_installed_copy_has_the_assets():
    package = Path(report.__file__).parent
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["*"]
    assets = {path.relative_to(package) for path in (package / "assets").iterdir()}
    assert {path.name for path in assets} == {"style.css", "script.js"}
    assert all(any(asset.match(pattern) for pattern in patterns) for asset in assets)


def test_the_command(folders, ledgers, tmp_path, monkeypatch, capsys):
    from common.ledger import commands

    by_paper = {ledger.plan.paper: ledger for ledger in ledgers}
    monkeypatch.setattr(commands, "look", lambda paper, _: by_paper[paper])
    target = tmp_path / "report"
    assert main(["report", "--to", str(target)], folders) == 0
    assert capsys.readouterr().out == f"{target / 'index.html'}\n"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes").write_text("")
    assert main(["report", "--to", str(mine)], folders) == 2
    assert "was not written by" in capsys.readouterr().err


def test_a_mistake_in_the_results_writes_nothing(ledgers, folders, tmp_path):
    from dataclasses import replace

    broken = replace(folders, results=tmp_path / "results")
    broken.curves("alpha").parent.mkdir(parents=True)
    broken.curves("alpha").write_text("task\nx\n")
    with pytest.raises(UserError, match="cannot be read"):
        write_report(ledgers, broken, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_the_fixture_is_what_it_says(ledgers):
    from tests.common.ledger.report.conftest import VERDICTS

    laptop = ledgers[0].results["laptop"]
    assert {result.claim.id: result.verdict for result in laptop} == VERDICTS
    assert set(CLAIMS) == {ledger.plan.paper for ledger in ledgers}
