"""Round axes, labels that do not overlap, gaps where an epoch is missing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.ledger.report.chart import COLOURS, Line, chart, spread, ticks
from common.ledger.report.curves import learning_curves
from tests.common.ledger.report.html_page import Page

_values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


@given(_values, _values)
def test_ticks_enclose_and_are_few_and_even(a, b):
    low, high = sorted((a, b))
    found = ticks(low, high)
    step = found[1] - found[0]
    assert found[0] <= low + 1e-9 * step
    assert high <= found[-1] + 1e-9 * step
    assert 2 <= len(found) <= 7
    assert all(y - x == pytest.approx(step) for x, y in pairwise(found))


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (12, 47, [10, 20, 30, 40, 50]), (0, 0, [0, 0.2])],
)
def test_ticks_are_round(low, high, wanted):
    assert ticks(low, high) == wanted


@given(st.lists(st.floats(0, 200, allow_subnormal=False), min_size=1, max_size=12))
def test_labels_keep_their_distance_and_their_order(wanted):
    found = spread(wanted, 14, 200)
    places = sorted(found)
    assert all(b - a >= 14 - 0.11 for a, b in pairwise(places))
    assert places[-1] <= 200
    pairs = sorted(zip(wanted, found, strict=True))
    assert [place for _, place in pairs] == places


def test_labels_stay_where_there_is_room():
    assert spread([100.0, 20.0], 14, 200) == [100.0, 20.0]


def test_a_missing_epoch_is_a_gap():
    whole = chart("d", "y", [Line("a", 0, ((1, 1.0), (2, 2.0), (3, 3.0)))])
    gap = chart("d", "y", [Line("a", 0, ((1, 1.0), (3, 3.0), (4, 2.0)))])
    assert whole.count("<path") + 1 == gap.count("<path")


def test_a_single_point_and_markup_in_a_name():
    page = Page(chart('d "&', "y", [Line("<a>", 0, ((1, 1.0),))]))
    assert "<a>" in page.text
    assert page.all("svg", role="img")[0]["aria-label"] == 'd "&'


def test_lines_differ_in_colour_or_dash():
    lines = [Line(str(i), i, ((1, 1.0), (2, 2.0 + i))) for i in range(3 * COLOURS)]
    page = Page(chart("d", "y", lines))
    groups, css = set(), None
    for tag, attributes in page.tags:
        if tag == "g":
            css = attributes.get("class")
        elif tag == "path" and css and attributes.get("class") != "leader":
            groups.add((css, attributes.get("stroke-dasharray")))
    assert len(groups) == len(lines)


def test_curves_without_a_file(tmp_path):
    assert learning_curves(tmp_path / "none.csv") == []


def test_a_name_keeps_its_colour_and_an_empty_field_is_no_point(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text(
        "task,variant,epoch,val_score,train_loss\n"
        "one,b,1,10,2\none,b,2,,1\ntwo,a,1,,2\ntwo,a,2,,1\ntwo,b,1,,3\n"
    )
    one, two = learning_curves(path)
    assert "validation score" in one
    assert "validation score" not in two
    assert "one, validation score by epoch: b from 10 to 10" in one
    assert "line line-1" in one
    assert {"line line-0", "line line-1"} <= {a.get("class") for _, a in Page(two).tags}


@pytest.mark.parametrize(
    "text", ["task,variant\na,b\n", "task,variant,epoch,val_score,train_loss\na,b,1,x,2\n"]
)
def test_curves_that_cannot_be_read(tmp_path, text):
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"curves\.csv cannot be read.*ledger check"):
        learning_curves(path)
