"""Against scikit-learn, and by hand at the edges."""

from __future__ import annotations

import pytest
import torch

from common.evaluation.classification import accuracy, f1, matthews

metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted, labels = torch.randint(0, 2, (2, 50), generator=generator)
    assert accuracy(predicted, labels) == pytest.approx(
        100 * metrics.accuracy_score(labels, predicted)
    )
    assert f1(predicted, labels) == pytest.approx(100 * metrics.f1_score(labels, predicted))
    assert matthews(predicted, labels) == pytest.approx(
        100 * metrics.matthews_corrcoef(labels, predicted)
    )


def test_edges():
    ones, mixed = torch.ones(4, dtype=torch.int64), torch.tensor([0, 1, 1, 0])
    assert matthews(ones, mixed) == 0
    assert f1(1 - ones, mixed) == 0
    assert f1(mixed, mixed) == matthews(mixed, mixed) == 100
    assert matthews(1 - mixed, mixed) == -100
