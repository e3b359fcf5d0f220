"""The estimator: scikit-learn's own checks, and its values by the formula."""

from __future__ import annotations

import contextlib
import unittest

import numpy as np
import pytest
import torch

from common.errors import InvalidInputError
from tests.papers.hierarchical_polynomials.made import normal


class TestEstimator:
    def test_scikit_learn_s_own_checks(self):
        checks = pytest.importorskip("sklearn.utils.estimator_checks")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        few = ThreeLayerRegressor(width=30, last_width=16)
        for estimator, check in checks.estimator_checks_generator(few):
            with contextlib.suppress(unittest.SkipTest):  # of array APIs that are not on
                check(estimator)

    def test_mistakes(self):
        pytest.importorskip("sklearn")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        x = np.random.default_rng(0).standard_normal((20, 3))
        with pytest.raises(InvalidInputError, match="n_samples=5"):
            ThreeLayerRegressor().fit(x[:5], x[:5, 0])
        for settings, said in (
            ({"degree": 0}, "degree=0"),
            ({"degree": 1.5}, "degree=1.5"),
            ({"width": 0}, "m2=0"),
            ({"ridges": []}, "no ridges"),
            ({"last_ridges": [-1.0]}, "last_ridges"),
            ({"solver": "adam"}, "solver='adam'"),
        ):
            with pytest.raises(InvalidInputError, match=said):
                ThreeLayerRegressor(**settings).fit(x, x[:, 0])

    def test_what_it_says_is_its_network_of_standardised_columns(self):
        pytest.importorskip("sklearn")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        x = 3 + 2 * normal(200, 4).numpy()
        y = x[:, 0] - x[:, 1] + 5
        found = ThreeLayerRegressor(degree=1, width=40, last_width=16).fit(x, y)
        net, rows = found.net_, torch.from_numpy((x - x.mean(0)) / x.std(0))
        learnt = (rows @ net.v.mT + net.s) @ net.u
        z = (learnt - net.mean) / net.deviation
        said = learnt + torch.relu(z[:, None] * net.a + net.b) @ net.c
        assert found.learnt_feature(x) == pytest.approx(learnt.detach().numpy())
        assert found.predict(x) == pytest.approx(said.detach().numpy())
        assert np.corrcoef(found.learnt_feature(x), x[:, 0] - x[:, 1])[0, 1] > 0.99
        assert np.abs(found.predict(x) - y).max() < 0.5

    def test_before_it_is_fitted_it_says_so(self):
        exceptions = pytest.importorskip("sklearn.exceptions")
        from papers.hierarchical_polynomials.estimator import ThreeLayerRegressor

        for method in ("predict", "learnt_feature"):
            with pytest.raises(exceptions.NotFittedError):
                getattr(ThreeLayerRegressor(), method)(np.zeros((3, 2)))
