"""The scikit-learn estimator."""

from __future__ import annotations

import numpy as np
import pytest

from papers.sensitivity_sampling.sensitivities import sensitivities

pytest.importorskip("sklearn")

from papers.sensitivity_sampling.estimator import SensitivitySampler


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_scikit_learn_conventions():
    """All of its checks; that of other arrays than NumPy's skips itself."""
    from sklearn.utils.estimator_checks import check_estimator

    for settings_ in ({}, {"p": 3.0, "scores": "lewis"}):
        check_estimator(SensitivitySampler(**settings_), on_skip=None)


def test_a_sample():
    x = rng().standard_normal((100, 3)).astype(np.float32)
    model = SensitivitySampler(p=3, random_state=0).fit(x)
    kept = model.sample(40)
    again = model.sample(40)
    np.testing.assert_array_equal(kept.index, again.index)
    assert kept.rows.dtype == np.float32
    np.testing.assert_allclose(
        kept.rows, x[kept.index] * kept.weights[:, None] ** (1 / 3), rtol=1e-5
    )
    np.testing.assert_allclose(model.scores_, sensitivities(x, 3).upper)
    sizes = [
        len(SensitivitySampler(p=3, random_state=seed).fit(x).sample(40).index)
        for seed in range(20)
    ]
    assert 35 < np.mean(sizes) < 45
    assert len(set(sizes)) > 1


@pytest.mark.parametrize(
    ("settings_", "x", "said"),
    [
        ({"p": 0.5}, np.ones((4, 2)), "p=0.5"),
        ({"scores": "best"}, np.ones((4, 2)), "scores='best'"),
        ({}, np.full((4, 2), np.inf), "infinity"),
        ({}, np.full((4, 2), np.nan), "NaN"),
        ({}, np.zeros((4, 2)), "is zero"),
    ],
)
def test_mistakes_are_told(settings_, x, said):
    with pytest.raises(ValueError, match=said):
        SensitivitySampler(**settings_).fit(x)


def test_sizes_out_of_range_and_no_fit():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        SensitivitySampler().sample(2)
    with pytest.raises(ValueError, match="above 1 to 5"):
        SensitivitySampler().fit(rng().standard_normal((5, 2))).sample(6)


def test_what_changes_after_fitting_does_not_change_samples():
    x = rng().standard_normal((100, 3))
    model = SensitivitySampler(p=3, random_state=0).fit(x)
    before = model.sample(40)
    x[:] = 0
    model.set_params(p=1)
    after = model.sample(40)
    np.testing.assert_array_equal(before.rows, after.rows)
    assert model.p_ == 3
