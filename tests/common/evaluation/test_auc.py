"""The area against pairs by hand and scikit-learn; its variance against simulation."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.evaluation.auc import auc, delong, midranks


def by_pairs(scores, labels):
    up, down = scores[labels == 1], scores[labels == 0]
    gaps = up[:, None] - down[None]
    return float(((gaps > 0).double() + 0.5 * (gaps == 0)).mean())


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_share_of_pairs(rows):
    scores = torch.tensor([float(score) for score, _ in rows])
    labels = torch.tensor([int(label) for _, label in rows])
    if 0 < int(labels.sum()) < len(labels):
        assert auc(scores, labels) == pytest.approx(by_pairs(scores, labels), abs=1e-12)


def test_as_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, labels = torch.randn(5000).round(decimals=2), torch.randint(0, 2, (5000,))
    wanted = sklearn.roc_auc_score(labels.numpy(), scores.numpy())
    assert auc(scores, labels) == pytest.approx(wanted, abs=1e-12)


def test_midranks():
    assert midranks(torch.tensor([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def draw(generator, n=300):
    labels = (torch.rand(n, generator=generator) < 0.4).long()
    common = torch.randn(n, generator=generator) + labels
    noise = torch.randn(2, n, generator=generator)
    return common + torch.tensor([[0.5], [0.9]]) * noise, labels


def test_the_variance_of_areas_and_of_their_difference():
    generator = torch.Generator().manual_seed(0)
    found = [delong(*draw(generator)) for _ in range(1500)]
    areas = torch.stack([f.areas for f in found])
    expected = torch.stack([f.covariance for f in found]).mean(0)
    torch.testing.assert_close(torch.cov(areas.mT), expected, rtol=0.12, atol=0)
    spread = (areas[:, 0] - areas[:, 1]).var()
    reach = torch.tensor([f.difference(0, 1).high - f.difference(0, 1).value for f in found]).mean()
    assert float(reach / 1.96) == pytest.approx(float(spread.sqrt()), rel=0.1)


def test_the_interval_covers():
    """95 % intervals of the difference hold its mean about 95 times in 100."""
    generator = torch.Generator().manual_seed(1)
    found = [delong(*draw(generator)).difference(0, 1) for _ in range(800)]
    truth = sum(f.value for f in found) / len(found)
    share = sum(f.low <= truth <= f.high for f in found) / len(found)
    assert 0.92 < share < 0.98


def test_a_model_does_not_differ_from_itself():
    scores, labels = torch.randn(50), torch.arange(50) % 2
    same = delong(torch.stack([scores, torch.sigmoid(scores.double()).float()]), labels)
    assert same.difference(0, 1) == pytest.approx((0, 0, 0), abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (torch.zeros(3), torch.ones(3), "3 positives and 0 negatives"),
        (torch.zeros(3), torch.zeros(3), "0 positives and 3 negatives"),
        (torch.zeros(3), torch.zeros(4), "3 scores for 4 labels"),
        (torch.tensor([0.0, float("nan")]), torch.tensor([0, 1]), "not a number"),
    ],
)
def test_refused(scores, labels, message):
    with pytest.raises(InvalidInputError, match=message):
        auc(scores, labels)


def test_level_is_checked():
    areas = delong(torch.randn(1, 10), torch.arange(10) % 2)
    with pytest.raises(InvalidInputError, match="level=1"):
        areas.interval(0, level=1)
