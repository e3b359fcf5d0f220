"""Gaps closed and comparisons seed by seed, against figures worked out by hand."""

from __future__ import annotations

import pytest

from common.errors import UserError
from common.ledger.relation_syntax import parse
from common.ledger.relations import Samples

DATA = {
    "t/full/x": (80.0, 82.0),  # 81
    "t/lora/x": (60.0, 62.0),  # 61
    "t/relora/x": (51.0, 51.0),
    "t/sst/x": (75.0, 77.0),  # 76: 15 of 20
    "u/full/x": (50.0,),
    "u/lora/x": (49.5,),
    "u/relora/x": (40.0,),
    "u/sst/x": (40.0,),
    "p/full/x": (10.0,),
    "p/lora/x": (20.0,),
    "p/relora/x": (30.0,),
    "p/sst/x": (14.0,),  # 6 of 10
    "t/other/x": (76.0, 76.0),
}


def finding(relation):
    def lookup(metric):
        if metric not in DATA:
            return Samples((), missing=(metric,))
        return Samples(DATA[metric])

    return parse(relation, "here").evaluate(lookup)


def gap(*tasks, **more):
    cell = {
        "reference": "{t}/full/x",
        "method": "{t}/sst/x",
        "baselines": ["{t}/relora/x", "{t}/lora/x"],
        "for_each": {"t": list(tasks)},
    }
    return {"gaps_closed": [cell], "better": "higher"} | more


@pytest.mark.parametrize(
    ("relation", "expected", "value"),
    [
        (gap("t", at_least=75), "holds", 75.0),
        (gap("t", at_least=75.1), "fails", 75.0),
        (gap("p", better="lower", at_least=60), "holds", 60.0),
        (gap("t", "u", beyond=1, at_least=40), "holds", 75.0),
        (gap("u", beyond=1, at_least=0), "fails", None),
        (gap("u", at_most=-1000), "holds", -1900.0),
        (gap("t", "u", at_least=0), "fails", (75 - 1900) / 2),
    ],
)
def test_gaps(relation, expected, value):
    found = finding(relation)
    assert found.verdict == expected
    assert found.value == (None if value is None else pytest.approx(value))


def test_what_is_missing_is_not_run():
    assert finding(gap("t", "nowhere", at_least=1)).verdict == "not run"


@pytest.mark.parametrize(("least", "expected"), [(1, "holds"), (2, "fails")])
def test_seed_by_seed(least, expected):
    relation = {"seeds_of": ["t/sst/x", "t/other/x"], "below": 0, "in_seeds": least}
    assert finding(relation).verdict == expected


def test_medians_of_as_many_seeds_as_there_are():
    """4 and 5, where the means say the contrary."""
    samples = {"t/a/x": Samples((3.0, 90.0, 4.0)), "t/b/x": Samples((9.0, 1.0))}
    relation = parse({"medians_of": ["t/a/x", "t/b/x"], "below": 0}, "here")
    found = relation.evaluate(samples.__getitem__)
    assert (found.verdict, found.value, found.measured) == ("holds", -1.0, "4 - 5 = -1")
    above = parse({"medians_of": ["t/a/x", "t/b/x"], "above": 0}, "here")
    assert above.evaluate(samples.__getitem__).verdict == "fails"


@pytest.mark.parametrize(
    "relation",
    [
        {"medians_of": ["t/sst/x"], "below": 0},
        {"medians_of": ["t/sst/x", "t/other/x"]},
        {"gaps_closed": [], "better": "lower", "at_least": 1},
        gap("t"),
        gap("t", at_least=1, better="smaller"),
        gap("t", at_least=1, beyond=-1),
        {"seeds_of": ["t/sst/x", "t/other/x"], "below": 0},
    ],
)
def test_refusals(relation):
    with pytest.raises(UserError):
        parse(relation, "here")


def test_a_difference_on_average_over_sets():
    pairs = {"average_of": [["t/sst/x", "t/lora/x"], ["p/sst/x", "p/lora/x"]]}  # 15 and -6
    found = finding(pairs | {"at_least": 4.5})
    assert (found.verdict, found.value) == ("holds", 4.5)
    assert finding(pairs | {"at_least": 4.6}).verdict == "fails"
    assert finding(pairs | {"above": 0} | {"average_of": [["t/a/x", "t/b/x"]] * 2}).verdict not in (
        "holds",
        "fails",
    )
    with pytest.raises(UserError, match="at_least, at_most"):
        parse(pairs, "here")
