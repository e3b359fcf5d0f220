"""What stands on the pages."""

import dataclasses

import pytest

from common.ledger.report.comparison import comparisons_page
from common.ledger.report.correction import errata_page
from common.ledger.report.overview import overview_page
from common.ledger.report.paper import paper_page
from tests.common.ledger.report.conftest import ROWS, VERDICTS
from tests.common.ledger.report.html_page import Page


@pytest.fixture(scope="module")
def overview(site):
    return Page((site / "index.html").read_text())


@pytest.fixture(scope="module")
def alpha(site):
    return Page((site / "alpha.html").read_text())


def claim(page, name):
    return page.inside("article", id=name)


def test_totals(overview):
    text = overview.inside("dl", **{"class": "totals"})
    assert text.startswith("claims tested 6 2 papers, laptop scale")
    for verdict, count in (("holds", 2), ("fails", 1), ("unresolved", 1), ("not run", 1)):
        assert f"{verdict} {count}" in text


def test_the_table_of_papers(overview):
    rows = overview.inside("table", **{"data-name": "papers"})
    assert "2 1 1 1 1 3 min fedcba98+" in rows
    assert "A5 measured by another" in rows
    assert "B1 not run at paper scale" in rows


def test_the_table_of_claims(overview):
    rows = [found for found in overview.all("tr", role="row") if "data-verdict" in found]
    assert len(rows) == ROWS - 1
    laptop = [row["data-verdict"] for row in rows if row["data-scale"] == "laptop"]
    assert laptop == list(VERDICTS.values())
    text = overview.inside("table", **{"data-name": "claims"})
    assert "2 of 2 hold" in text
    assert "34 - 101 = -67 ± 2.3 (interval > 0)" in text
    assert "2e-10 (≤ 1e-09) changed: code common.part0 and 5 more" in text
    assert "needs GPUs and 2 more" in text
    assert "measured by A1, A3" in text


def test_the_scales_to_choose_from(overview):
    assert [option["value"] for option in overview.all("option")] == ["laptop", "paper", "all"]
    assert [option["value"] for option in overview.all("option") if "selected" in option] == [
        "laptop"
    ]


def test_figures_sort_as_numbers(overview):
    published = [
        c.get("data-sort") for c in overview.all("td", role="cell") if "c-published" in c["class"]
    ]
    assert published[:4] == ["87.61", "87.61", "3.5", None]


def test_inequalities_and_figures_beside_them(alpha):
    text = claim(alpha, "A1")
    assert "x <i> over chance 34 ± 2.5 ≥ 30 3 holds" in text
    assert "majority <share> 11 – 3 not judged" in text
    assert "Budget equal steps; width & depth too" in text
    assert "Published 87.61 % & up, paper scale" in text


def test_evidence(alpha):
    text = claim(alpha, "A1")
    assert "Data not, or not all, the paper's own data" in text
    assert "Runs 6 runs, 3 seeds Cost 3 min Commit 01234567" in text
    assert "Hardware a <processor>, 1 thread" in text
    assert "python -m common.ledger run alpha --claim A1 Copy" in text
    assert "python -m common.ledger run alpha --claim A1 --scale paper Copy" in text
    assert "Data none needed" in claim(alpha, "A6")
    assert "Commit fedcba98+" in claim(alpha, "A6")


def test_what_is_missing(alpha):
    paper_scale = claim(alpha, "A1").partition("paper scale")[2].partition("paper scale")[2]
    assert "No bound is fixed at this scale" in paper_scale
    assert "Missing needs GPUs; image x, seeds 0, 1, 2; image y, seeds 0, 1, 2" in paper_scale
    long = claim(alpha, "A4")
    assert "– ≥ 30 – not run" in long
    assert "Missing long x, seed 0" in long
    assert "Runs 1, none measured Cost about 90 min on two CPU cores" in long


def test_what_has_changed_is_listed_in_full(alpha):
    text = claim(alpha, "A3")
    assert "Changed since 6 items changed: code common.part0, … code common.part0 code" in text
    assert "code common.part5" in text


def test_notes(alpha):
    assert "It is the other way round <here>." in claim(alpha, "A2")
    assert "No explanation yet: add a note to the claim." in claim(alpha, "A10")
    assert "No explanation yet" not in claim(alpha, "A1")


def test_several_published_figures(alpha):
    assert "Published 1e-09, paper scale 2 dB, half scale" in claim(alpha, "A3")


def test_a_theory_names_what_measures_it(alpha):
    text = claim(alpha, "A5")
    assert "its measurable part: A1, A3." in text
    assert alpha.all("a", href="#A3")


def test_a_correction(alpha):
    assert (
        "The paper says n < m & stops Its code has another bound Measurement is twice the bound "
        "Consequence none for <the table> Test tests/x.py::test_y" in claim(alpha, "A6")
    )


def test_figures_have_their_names_in_words(alpha):
    sources = {image["src"]: image["alt"] for image in alpha.all("img")}
    assert sources == {
        "figures/alpha/50%20%25%20%26%20%232.svg": "alpha: 50 % & #2",
        "figures/alpha/kappa_against_ratio.svg": "alpha: kappa against ratio",
    }


def test_the_figures_of_tasks(alpha):
    text = alpha.inside("table", **{"data-name": "tasks"})
    assert "image x laptop accuracy 34 31.52 to 36.48 3 88 10 majority 11 no" in text
    assert "closed form laptop error 2e-10 – 1 – – – –" in text


def test_curves_are_described(alpha):
    (score, loss) = [found["aria-label"] for found in alpha.all("svg", role="img")]
    assert score == "image, validation score by epoch: x from 20 to 31, y from 20 to 31"
    assert loss == "image, training loss by epoch: x from 2 to 1, y from 2 to 1"


def test_a_paper_without_anything(site):
    page = Page((site / "beta.html").read_text())
    assert page.headings == [1, 2, 3, 4]
    assert "0 runs, 0 s" in page.text
    assert "README" not in page.text


def test_figures_changed_by_hand_come_first(overview, alpha, site):
    sentence = "Not as recorded: results/alpha.csv: line 2 is 'x', its run gives 'y'"
    assert sentence in overview.text
    assert sentence in alpha.text
    assert "by hand" not in (site / "beta.html").read_text()


def test_unreadable_records_are_named(ledgers, folders):
    warning = f"{folders.outputs}/alpha/x is left out"
    ledger = dataclasses.replace(ledgers[0], warnings=(warning,))
    assert "outputs/alpha/x is left out" in Page(paper_page(ledger, folders)).text


def test_errata(site):
    page = Page((site / "errata.html").read_text())
    assert "1 correction in 1 paper." in page.text
    text = page.inside("article", id="alpha-A6")
    assert text.startswith("A6 The bound is missing a factor of two holds equation 4 The paper")
    assert page.all("a", href="alpha.html#A6")


def test_no_errata_and_no_papers(ledgers, folders):
    assert "None is recorded." in Page(errata_page([ledgers[1]])).text
    assert "claims tested 0 0 papers" in Page(overview_page([], folders)).text


def test_comparisons(site, folders, tmp_path):
    page = Page((site / "comparisons.html").read_text())
    assert page.headings == [1, 2, 3]
    assert "All <equal> but the method, by compare sizes." in page.text
    assert "method accuracy dense 91.50 A & B 89.00 ± 1.20" in page.text
    assert page.all("img", src="figures/sizes/net.svg", alt="Net")
    assert (site / "figures" / "sizes" / "net.svg").is_file()
    nothing = dataclasses.replace(folders, results=tmp_path)
    assert "None has been made yet: compare makes them." in Page(comparisons_page(nothing)).text
