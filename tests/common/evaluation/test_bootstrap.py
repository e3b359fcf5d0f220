"""The bootstrap interval against the normal one, seeds, refusals."""

from __future__ import annotations

import pytest
import torch

from common.errors import InvalidInputError
from common.evaluation.bootstrap import paired_bootstrap


def test_many_rows_give_the_normal_interval():
    first, second = torch.randn(4000), torch.randn(4000)
    found = paired_bootstrap(first, second, draws=4000)
    difference = (first - second).double()
    reach = 1.96 * float(difference.std()) / 4000**0.5
    assert found.value == pytest.approx(float(difference.mean()), abs=1e-12)
    assert found.low == pytest.approx(found.value - reach, abs=0.08 * reach)
    assert found.high == pytest.approx(found.value + reach, abs=0.08 * reach)


def test_pairing_removes_what_both_share():
    shared = 10 * torch.randn(2000)
    first, second = shared + 0.1 * torch.randn(2000), shared
    paired = paired_bootstrap(first, second)
    crossed = paired_bootstrap(first, second[torch.randperm(2000)])
    assert paired.high - paired.low < 0.1 * (crossed.high - crossed.low)


def test_seeded():
    a, b = torch.randn(100), torch.randn(100)
    assert paired_bootstrap(a, b) == paired_bootstrap(a, b)
    assert paired_bootstrap(a, b) != paired_bootstrap(a, b, seed=1)


@pytest.mark.parametrize(
    ("second", "options", "message"),
    [
        (torch.zeros(4), {}, "for the same rows"),
        (torch.zeros(3), {"draws": 10}, "draws=10"),
        (torch.zeros(3), {"level": 1.0}, "level=1"),
    ],
)
def test_refused(second, options, message):
    with pytest.raises(InvalidInputError, match=message):
        paired_bootstrap(torch.zeros(3), second, **options)
