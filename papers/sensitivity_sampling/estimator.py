"""Sensitivity sampling as a scikit-learn estimator (extra ``sklearn``)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from common.errors import InvalidInputError, UserError
from common.sketching.rows import drawn
from papers.sensitivity_sampling.models import KINDS, Kind, Scores

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise UserError(
        "The estimator needs scikit-learn 1.6 or later, which is not installed: pip install "
        "'structlab[sklearn]'. papers.sensitivity_sampling.models works without."
    ) from None


class SampledRows(NamedTuple):
    """What a sample holds.

    Attributes:
        rows: scaled by q^{-1/p}: ||rows x||_p is near ||X x||_p for all x.
        index: of these rows in X.
        weights: 1 / q, for losses that are sums over rows.
    """

    rows: Float[np.ndarray, "kept d"]
    index: Int[np.ndarray, " kept"]
    weights: Float[np.ndarray, " kept"]


class SensitivitySampler(BaseEstimator):
    """Rows kept with probabilities that follow their l_p sensitivities.

    Args:
        p: of the norm, 1 or more.
        scores: what probabilities follow: "sensitivity", "augmented", "lewis", "leverage",
            "root_leverage", "upper_bound" or "uniform".
        random_state: of the coins; an integer gives the same sample in every call.

    Attributes:
        scores_: of each row, up to a factor.
        p_: of the norm they are for.
        n_features_in_: columns.
    """

    def __init__(
        self,
        p: float = 2.0,
        *,
        scores: Kind = "sensitivity",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.p = p
        self.scores = scores
        self.random_state = random_state

    def fit(self, X, y=None) -> SensitivitySampler:
        """Compute the scores.

        Args:
            X: (n_samples, n_features), finite; whole numbers are taken as floats.
            y: ignored.

        Raises:
            ValueError: X is empty, not finite or zero, p is below 1, or the scores have no such
                name.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        if self.scores not in KINDS:
            raise InvalidInputError(f"scores={self.scores!r}; allowed: {', '.join(KINDS)}.")
        self.scores_ = Scores.of(torch.tensor(X), self.p).by(self.scores).numpy()
        # Copies, so that what changes after fitting does not change samples.
        self._rows, self.p_ = X.copy(), self.p
        return self

    def sample(self, n_samples: float) -> SampledRows:
        """Keep about ``n_samples`` rows: each by a coin of its own, so that the number varies.

        Args:
            n_samples: expected rows, above 1 and at most those of a score above 0.

        Raises:
            ValueError: the number is out of range.
        """
        check_is_fitted(self)
        coins = check_random_state(self.random_state)
        kept = drawn(torch.from_numpy(self.scores_), n_samples, coins)
        index, weights = kept.index.numpy(), kept.weights.numpy()
        scale = (weights ** (1 / self.p_)).astype(self._rows.dtype)
        return SampledRows(self._rows[index] * scale[:, None], index, weights)
