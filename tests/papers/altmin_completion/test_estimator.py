"""The scikit-learn estimator."""

from __future__ import annotations

import contextlib
import math
import unittest

import numpy as np
import pytest

from common.errors import InvalidInputError
from papers.altmin_completion.problems import draw
from tests.papers.altmin_completion.known import rng


class TestEstimator:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("sklearn")

    def test_arrays_with_nan_and_sparse_matrices(self):
        from scipy.sparse import coo_matrix
        from sklearn.base import clone

        from papers.altmin_completion.estimator import AltMinCompletion

        problem = draw(60, 2, 0.5, rng())
        seen = problem.observed
        array = np.full(seen.shape, np.nan)
        array[seen.rows, seen.columns] = seen.values
        sparse = coo_matrix((seen.values, (seen.rows, seen.columns)), shape=seen.shape)
        for solver in ("cg", "exact", "sketch"):
            model = clone(AltMinCompletion(2, solver=solver, rounds=60))
            found = model.fit(array).reconstruct()
            assert np.linalg.norm(found - problem.truth.numpy()) < 1e-5
            again = model.fit(sparse)
            np.testing.assert_allclose(again.reconstruct(), found, atol=1e-7)
            places = np.array([0, 3]), np.array([5, 1])
            np.testing.assert_allclose(again.entries_at(*places), found[places], atol=1e-7)
            assert again.components_.shape == (2, again.n_features_in_)

    @pytest.mark.parametrize(
        ("settings", "x", "said"),
        [
            ({"rank": 9}, np.ones((4, 3)), "allows 1 to 3"),
            ({}, np.full((8, 8), np.nan), "No entry"),
            ({}, np.full((8, 8), np.inf), "infinity"),
            ({}, np.ones(4), "Expected 2D array"),
            ({"solver": "adam"}, np.ones((8, 8)), "solver='adam'"),
            ({"start": "zero"}, np.ones((8, 8)), "start='zero'"),
            ({"solver": "sketch", "ridge": 0.1}, np.ones((8, 8)), "no ridge"),
            ({"rounds": 0}, np.ones((8, 8)), "most=0"),
            ({"rounds": 2.5}, np.ones((8, 8)), "most=2.5"),
            ({"rank": 2.5}, np.ones((8, 8)), "rank=2.5"),
            ({"rank": 2.5, "start": "random"}, np.ones((8, 8)), "rank=2.5"),
            ({"inner_steps": 1.5}, np.ones((8, 8)), "steps=1.5"),
            ({"tolerance": math.nan}, np.ones((8, 8)), "tolerance=nan"),
        ],
    )
    def test_mistakes_are_told(self, settings, x, said):
        from papers.altmin_completion.estimator import AltMinCompletion

        with pytest.raises(ValueError, match=said):
            AltMinCompletion(**settings).fit(x)

    def test_rows_it_has_not_seen_are_filled_in(self):
        from papers.altmin_completion.estimator import AltMinCompletion

        problem = draw(60, 2, 0.5, rng())
        array = np.full((60, 60), np.nan)
        array[problem.observed.rows, problem.observed.columns] = problem.observed.values
        model = AltMinCompletion(2, rounds=60).fit(array[:50])
        array[55] = np.nan
        found, truth = model.transform(array[50:]), problem.truth.numpy()[50:]
        np.testing.assert_allclose(np.delete(found, 5, 0), np.delete(truth, 5, 0), atol=1e-5)
        assert not found[5].any()
        np.testing.assert_array_equal(
            found[~np.isnan(array[50:])], array[50:][~np.isnan(array[50:])]
        )

    @pytest.mark.parametrize(
        ("values", "columns", "said"),
        [([1.0, 2.0], [3, 3], "given twice"), ([1.0, math.nan], [3, 4], "finite floats")],
    )
    def test_mistakes_in_what_is_to_be_filled_in_are_told(self, values, columns, said):
        from scipy.sparse import coo_matrix

        from papers.altmin_completion.estimator import AltMinCompletion

        model = AltMinCompletion(1).fit(np.ones((8, 8)))
        with pytest.raises(InvalidInputError, match=said):
            model.transform(coo_matrix((values, ([0, 0], columns)), shape=(2, 8)))
        assert not model.transform(np.full((2, 8), np.nan)).any()
        assert not model.transform(coo_matrix((2, 8))).any()

    def test_scikit_learn_s_own_checks(self):
        from sklearn.utils.estimator_checks import estimator_checks_generator

        from papers.altmin_completion.estimator import AltMinCompletion

        for estimator, check in estimator_checks_generator(AltMinCompletion(1)):
            with contextlib.suppress(unittest.SkipTest):  # of array APIs that are not on
                check(estimator)

    def test_it_is_not_fitted(self):
        from sklearn.exceptions import NotFittedError

        from papers.altmin_completion.estimator import AltMinCompletion

        with pytest.raises(NotFittedError):
            AltMinCompletion().reconstruct()
