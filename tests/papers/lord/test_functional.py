"""Functional correctness: the estimator, where a function ends, and code that is run."""

from __future__ import annotations

from itertools import combinations

import pytest

from common.data.source_texts import Problem
from common.errors import InvalidInputError
from papers.lord.functional import ended, pass_at_k, passes, until_stop

DOUBLE = Problem(
    "HumanEval/x",
    'def double(x):\n    """Twice x."""\n',
    "    return 2 * x\n",
    "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-1) == -2\n",
    "double",
)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 0, 2), (5, 5, 3), (6, 2, 1), (7, 3, 4), (5, 4, 5)])
def test_the_estimator_is_the_mean_over_all_choices(n, c, k):
    right = [True] * c + [False] * (n - c)
    choices = list(combinations(right, k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, choices)) / len(choices), abs=1e-12)


def test_impossible_counts():
    for arguments in ((3, 1, 4), (3, 4, 1), (3, 1, 0)):
        with pytest.raises(InvalidInputError, match="k from 1 to the samples"):
            pass_at_k(*arguments)


def test_a_function_ends_where_the_indentation_does():
    text = "    return 2 * x\n\n\nprint(double(3))\ndef other():\n"
    assert until_stop(text) == "    return 2 * x\n\n"
    assert ended(text)
    assert until_stop("    return 1\n") == "    return 1\n"
    assert not ended("    return 1\n")


def test_code_is_run():
    assert passes(DOUBLE, DOUBLE.solution)
    assert passes(DOUBLE, "    return x + x\n")
    assert not passes(DOUBLE, "    return x\n")
    assert not passes(DOUBLE, "    return (\n")
    assert not passes(DOUBLE, "    raise SystemExit(1)\n")


def test_code_that_does_not_end_or_grows_is_stopped(tmp_path):
    assert not passes(DOUBLE, "    while True: pass\n", seconds=1.0)
    assert not passes(DOUBLE, "    return [0] * (1 << 40)\n")
    outside = tmp_path / "x"
    assert not passes(DOUBLE, f"    open({str(outside)!r}, 'w').write('a' * (1 << 22))\n")
    assert outside.stat().st_size <= 1 << 20
