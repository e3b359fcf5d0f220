"""Every form of relation, against figures worked out by hand."""

import pytest

from common.errors import UserError
from common.ledger.relation_syntax import parse
from common.ledger.relations import Samples, split

DATA = {
    "t/a/x": (1.0, 2.0, 3.0, 4.0),  # mean 2.5, interval +- 2.054
    "t/b/x": (9.0, 10.0, 11.0),  # mean 10, interval +- 2.484
    "t/c/x": (2.0,),
    "t/n8/x": (1.9,),
    "t/n16/x": (2.2,),
    "sub/t/a/near": (10.2, 10.4, 10.1),
}


def lookup(metric):
    if metric == "t/old/x":
        return Samples((2.0,), stale=True)
    if metric not in DATA:
        return Samples((), missing=(f"{metric} seed 0",))
    return Samples(DATA[metric])


def verdict(relation):
    return parse(relation, "here").evaluate(lookup).verdict


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"at_least": 2.5}, "holds"),
        ({"at_least": 2.51}, "fails"),
        ({"at_most": 2.5}, "holds"),
        ({"at_most": 2.49}, "fails"),
        ({"above": 2.5}, "fails"),
        ({"below": 2.5}, "fails"),
        ({"above": 2.4, "below": 2.6}, "holds"),
        ({"within": [2.5, 3]}, "holds"),
        ({"within": [2.6, 3]}, "fails"),
        ({"below": "t/b/x"}, "holds"),
        ({"above": "t/b/x"}, "fails"),
    ],
)
def test_the_mean_against_bounds(bound, expected):
    assert verdict({"metric": "t/a/x", **bound}) == expected


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ({"lies_above": 0.44}, "holds"),  # 2.5 - 2.054 = 0.446
        ({"lies_above": 0.45}, "unresolved"),
        ({"lies_above": 4.55}, "unresolved"),  # 2.5 + 2.054 = 4.554
        ({"lies_above": 4.56}, "fails"),
        ({"lies_above": "t/b/x"}, "fails"),
        ({"lies_below": "t/b/x"}, "holds"),
        ({"lies_below": 0.4}, "fails"),
    ],
)
def test_the_interval_of_a_mean(side, expected):
    assert verdict({"interval_of": "t/a/x", **side}) == expected


def test_one_seed_is_unresolved():
    assert verdict({"interval_of": "t/c/x", "lies_above": -100}) == "unresolved"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(5.2, "holds"), (5.4, "unresolved"), (9.6, "unresolved"), (9.8, "fails")],
)
def test_the_difference_of_means(limit, expected):
    # 10 - 2.5, se = sqrt(1/3 + 5/12) = 0.866, 4.96 degrees of freedom, t = 2.576: 7.5 +- 2.23
    assert verdict({"difference": ["t/b/x", "t/a/x"], "lies_above": limit}) == expected


def test_a_difference_that_the_seeds_do_not_resolve():
    pair = ["t/b/x", "sub/t/a/near"]
    assert verdict({"difference": pair, "lies_above": -1.0}) == "unresolved"
    assert verdict({"difference": pair, "lies_below": 5.0}) == "holds"


def test_the_best_setting():
    separated = {0.1: "t/b/x", 0.001: "t/a/x"}
    assert verdict({"best_of": separated, "is_at_least": 0.01}) == "holds"
    reverse = {0.1: "t/a/x", 0.001: "t/b/x"}
    assert verdict({"best_of": reverse, "is_at_least": 0.01}) == "fails"
    close = {0.1: "t/b/x", 0.5: "t/a/x", 0.001: "sub/t/a/near"}
    finding = parse({"best_of": close, "is_at_least": 0.01}, "here").evaluate(lookup)
    assert finding.verdict == "unresolved"
    assert finding.value == 0.001
    assert "0.1 - 0.001 = -0.2333" in finding.measured


def test_combinations_nest():
    low, high = {"metric": "t/a/x", "at_most": 3}, {"metric": "t/a/x", "at_least": 3}
    assert verdict({"all": [low, high]}) == "fails"
    assert verdict({"any": [low, high]}) == "holds"
    assert verdict({"all": [low, {"any": [high, low]}]}) == "holds"


def test_parts_are_named_under_the_whole():
    relation = {"name": "(a)", "all": [{"name": "x", "metric": "t/a/x", "at_most": 3}]}
    (leaf,) = parse(relation, "here").evaluate(lookup).leaves()
    assert leaf.name == "(a): x"


def test_what_is_missing_or_stale_is_said():
    finding = parse({"metric": "t/gone/x", "at_most": 1}, "here").evaluate(lookup)
    assert (finding.verdict, finding.missing) == ("not run", ("t/gone/x seed 0",))
    assert verdict({"metric": "t/old/x", "at_most": 1}) == "stale"
    assert verdict({"metric": "t/a/x", "above": "t/gone/x"}) == "not run"


def test_for_each_states_it_for_every_value_and_shows_the_range():
    relation = {"metric": "t/n{n}/x", "for_each": {"n": [8, 16]}, "within": [1.8, 2.1]}
    (leaf,) = parse(relation, "here").evaluate(lookup).leaves()
    assert (leaf.verdict, leaf.measured, leaf.bound) == ("fails", "1.9 to 2.2", "in [1.8, 2.1]")
    assert parse({**relation, "within": [1.8, 2.3]}, "here").evaluate(lookup).verdict == "holds"


def test_for_each_writes_numbers_as_metrics_do():
    relation = {"metric": "t/a/eps{e}", "for_each": {"e": [0.0015, 1e-7]}, "at_most": 1}
    assert parse(relation, "here").metrics() == ["t/a/eps0.0015", "t/a/eps1e-07"]


def test_a_task_may_have_slashes():
    assert split("lra/image/s5_ptd/accuracy") == ("lra/image", "s5_ptd", "accuracy")


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ("accuracy > 3", "exactly one of all, any, at_least_of, metric.*not 'accuracy > 3'"),
        ({}, "exactly one of all, any"),
        ({"metric": "t/a/x", "all": []}, "exactly one of"),
        ({"metric": "t/a/x"}, "one of at_least, .* is needed"),
        (
            {"metric": "t/a/x", "at_lest": 3},
            "unknown key at_lest; allowed: .*did you mean at_least",
        ),
        (
            {"metric": "t/a/x", "at_least": "three"},
            "a metric is written <task>/<variant>/<metric>, not 'three'",
        ),
        ({"metric": "t/a/x", "at_least": True}, "a number or a metric .* is wanted, not True"),
        ({"metric": "accuracy", "at_least": 3}, "<task>/<variant>/<metric>, not 'accuracy'"),
        ({"metric": "t/a/x", "within": [3, 2]}, r"\[low, high\] is wanted, not \[3"),
        ({"interval_of": "t/a/x"}, "needs one of lies_above, lies_below, lies_within"),
        ({"difference": ["t/a/x"], "lies_above": 1}, "at least 2 items"),
        ({"all": []}, "at least 1 item"),
        ({"best_of": {0.1: "t/a/x", 1: "t/b/x"}, "is_at_least": 0.01}, "settings below and from"),
        ({"best_of": {0.1: "t/a/x"}}, "is_at_least missing"),
        ({"metric": "t/{n}/x", "for_each": {"n": 3}, "at_most": 1}, "a list is wanted, not 3"),
    ],
)
def test_mistakes_are_explained(relation, message):
    with pytest.raises(UserError, match=message) as mistake:
        parse(relation, "claims.yaml, claim P1")
    assert str(mistake.value).startswith("claims.yaml, claim P1: ")


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        # mean(b) - mean(a) = 7.5, standard error sqrt(1/3 + 5/12) = 0.866, Welch's interval +- 2.24
        ({"lies_within": [5, 10]}, "holds"),
        ({"lies_within": [5, 9]}, "unresolved"),
        ({"lies_within": [0, 4]}, "fails"),
        ({"lies_within": [11, 12]}, "fails"),
        ({"at_least": 7.5}, "holds"),
        ({"at_least": 7.6}, "fails"),
        ({"within": [7, 8]}, "holds"),
        ({"within": [-3, 3]}, "fails"),
        ({"at_least": 1, "standard_errors": 8}, "holds"),
        ({"at_least": 1, "standard_errors": 9}, "fails"),
        ({"standard_errors": 8}, "holds"),
        ({"standard_errors": -2}, "holds"),
    ],
)
def test_differences_of_means(relation, expected):
    assert verdict({"difference": ["t/b/x", "t/a/x"], **relation}) == expected


@pytest.mark.parametrize(("errors", "expected"), [(-9, "holds"), (-8, "fails")])
def test_a_difference_may_lie_below_0_by_so_many_errors(errors, expected):
    pair = {"difference": ["t/a/x", "t/b/x"]}  # -7.5
    assert verdict({**pair, "standard_errors": errors}) == expected


def test_one_seed_has_no_standard_error():
    pair = {"difference": ["t/b/x", "t/c/x"]}
    assert verdict({**pair, "at_least": 1, "standard_errors": 2}) == "unresolved"
    assert verdict({**pair, "lies_within": [-100, 100]}) == "unresolved"


@pytest.mark.parametrize(("limit", "expected"), [(8.0, "holds"), (7.9, "fails")])
def test_the_spread_of_means(limit, expected):
    relation = {"spread_of": ["t/a/x", "t/b/x", "t/c/x"], "at_most": limit}
    finding = parse(relation, "here").evaluate(lookup)
    assert finding.verdict == expected
    assert "2 to 10, spread 8" in finding.measured


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ({"difference": ["t/a/x", "t/b/x"], "lies_above": 1, "at_least": 1}, "not both"),
        ({"difference": ["t/a/x", "t/b/x"], "lies_within": [2, 1]}, "low, high"),
        (
            {"difference": ["t/a/x", "t/b/x"], "standard_errors": "many"},
            "a number is wanted, not 'many'",
        ),
        ({"difference": ["t/a/x", "t/b/x"], "standard_errors": 0}, "asks for nothing"),
        ({"spread_of": ["t/a/x"], "at_most": 1}, "at least 2 items"),
        ({"spread_of": ["t/a/x", "t/b/x"]}, "at_most"),
    ],
)
def test_relations_between_metrics_are_checked(relation, message):
    with pytest.raises(UserError, match=message):
        parse(relation, "here")


SERIES = {
    "s/n8/y": (64.0, 64.0),
    "s/n16/y": (16.1, 15.9),
    "s/n32/y": (4.0, 4.0),
    "s/n64/y": (1.1, 0.9),
    "s/p/y": (1.0, 5.0, 9.0),
    "s/q/y": (1.5, 5.5, 9.5),
    "s/zero/y": (0.0,),
}


def series(relation):
    return parse(relation, "here").evaluate(lambda metric: Samples(SERIES[metric]))


POINTS = {8: "s/n8/y", 16: "s/n16/y", 32: "s/n32/y", 64: "s/n64/y"}  # y = 4096 / n^2


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ({"within": [-2.01, -1.99]}, "holds"),
        ({"at_least": -1.9}, "fails"),
        ({"lies_within": [-2.2, -1.8]}, "holds"),
        ({"lies_above": -1.5}, "fails"),
    ],
)
def test_the_slope_of_a_power_law(bound, expected):
    finding = series({"slope_of": POINTS, **bound})
    assert finding.verdict == expected
    assert finding.value == pytest.approx(-2, abs=1e-12)


def test_a_slope_that_the_points_do_not_fix_is_unresolved():
    scattered = {8: "s/n8/y", 16: "s/n64/y", 32: "s/n16/y"}
    assert series({"slope_of": scattered, "lies_below": 0}).verdict == "unresolved"
    assert series({"slope_of": {8: "s/zero/y", 9: "s/n8/y"}, "below": 0}).verdict == "fails"


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ({"order": ["s/n8/y", "s/n16/y", "s/n32/y"], "margin": 11.9}, "holds"),
        ({"order": ["s/n8/y", "s/n16/y", "s/n32/y"], "margin": 12}, "fails"),
        ({"order": ["s/n16/y", "s/n8/y"]}, "fails"),
        ({"monotone": list(POINTS.values()), "direction": "falling"}, "holds"),
        ({"monotone": list(POINTS.values()), "direction": "rising"}, "fails"),
        ({"monotone": ["s/n32/y", "s/p/y", "s/n16/y"], "direction": "rising"}, "holds"),
        ({"monotone": ["s/p/y", "s/n32/y", "s/n8/y"], "direction": "rising"}, "fails"),
        ({"monotone": ["s/p/y", "s/n32/y"], "direction": "rising", "slack": 1}, "holds"),
        (
            {"monotone": ["s/p/y", "s/n32/y", "s/n8/y"], "direction": "rising", "inversions": 1},
            "holds",
        ),
        ({"ratio": ["s/n8/y", "s/n16/y"], "within": [4, 4]}, "holds"),
        ({"ratio": ["s/n8/y", "s/n16/y"], "above": 4}, "fails"),
        ({"ratio": ["s/n8/y", "s/zero/y"], "above": 4}, "fails"),
        ({"equals": ["s/n8/y", 64.6], "relative": 0.01}, "holds"),
        ({"equals": ["s/n8/y", 64.7], "relative": 0.01}, "fails"),
        ({"equals": ["s/n8/y", 64.7], "absolute": 0.71}, "holds"),
        ({"equals": ["s/n32/y", "s/n16/y"], "absolute": 12}, "holds"),
        ({"metric": "s/n16/y", "statistic": "largest", "at_most": 16}, "fails"),
        ({"metric": "s/n16/y", "statistic": "smallest", "at_most": 16}, "holds"),
        ({"metric": "s/p/y", "statistic": "median", "within": [5, 5]}, "holds"),
        ({"metric": "s/p/y", "at_least": 4, "in_seeds": 2}, "holds"),
        ({"metric": "s/p/y", "at_least": 4, "in_seeds": 3}, "fails"),
        # unpaired 0.5 +- 9.1; paired: every difference is 0.5
        ({"difference": ["s/q/y", "s/p/y"], "lies_above": 0}, "unresolved"),
        ({"difference": ["s/q/y", "s/p/y"], "lies_above": 0, "paired": True}, "holds"),
        (
            {"difference": ["s/q/y", "s/p/y"], "standard_errors": 2, "paired": True},
            "holds",
        ),
        ({"difference": ["s/q/y", "s/p/y"], "standard_errors": 2}, "fails"),
        (
            {
                "rank_correlation": [
                    ["s/n8/y", "s/n64/y"],
                    ["s/n16/y", "s/p/y"],
                    ["s/n32/y", "s/q/y"],
                ],
                "at_most": -0.99,
            },
            "holds",
        ),
        ({"interval_of": "s/p/y", "lies_within": [-10, 20]}, "holds"),
    ],
)
def test_the_other_forms(relation, expected):
    assert series(relation).verdict == expected


@pytest.mark.parametrize(("least", "expected"), [(1, "holds"), (2, "holds"), (3, "fails")])
def test_at_least_so_many(least, expected):
    parts = [{"metric": "s/n8/y", "at_most": limit} for limit in (63, 64, 65)]
    assert series({"at_least_of": least, "of": parts}).verdict == expected


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ({"at_least_of": 3, "of": [{"metric": "t/a/x", "at_most": 1}]}, "but of has 1"),
        ({"slope_of": {8: "t/a/x", 16: "t/b/x"}, "lies_above": 1}, "three settings"),
        ({"slope_of": {8: "t/a/x", -1: "t/b/x"}, "above": 1}, "greater than 0"),
        ({"equals": ["t/a/x", 3]}, "relative or absolute"),
        ({"equals": [3, "t/a/x"], "relative": 1}, "a metric first"),
        ({"monotone": ["t/a/x", "t/b/x"], "direction": "up"}, "'rising' or 'falling'"),
        ({"metric": "t/a/x", "above": 1, "in_seeds": 1, "statistic": "median"}, "no statistic"),
        ({"interval_of": "t/a/x", "lies_above": 1, "lies_below": 2}, "exclude each other"),
        ({"metric": "t/a/x", "at_most": float("inf")}, "a bound is a finite number"),
        ({"metric": "t/a/x", "within": [0, float("nan")]}, "finite number"),
    ],
)
def test_mistakes_in_the_other_forms(relation, message):
    with pytest.raises(UserError, match=message):
        parse(relation, "here")
