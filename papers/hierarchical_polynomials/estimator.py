"""The three-layer network as a scikit-learn estimator (extra ``sklearn``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError, UserError
from papers.hierarchical_polynomials.choices import LAST_RIDGES, RIDGES
from papers.hierarchical_polynomials.models import Samples, ThreeLayerNet, activation
from papers.hierarchical_polynomials.training import Solver, train

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise UserError(
        "The estimator needs scikit-learn, which is not installed: pip install "
        "'structlab[sklearn]'. papers.hierarchical_polynomials.models works without."
    ) from None


class ThreeLayerRegressor(RegressorMixin, BaseEstimator):
    """A hierarchical polynomial g(p(x)), fitted layer by layer.

    Columns are standardised, as the method is one for standard normal x; rows are split in two at
    random, one half a stage.

    Args:
        degree: k, of p.
        width: m2; some four times the number of monomials of degree k, C(d + k, k), is advised.
        last_width: m1.
        ridges: xi1, chosen on the second half.
        last_ridges: xi2, chosen by five-fold validation.
        solver: "ridge", in closed form, or "descent", gradient descent with the same fixed points.
        steps: of descent at most.
        random_state: of the split and of what is drawn.

    Attributes:
        net_: the ``ThreeLayerNet``, of standardised columns.
        ridge_, last_ridge_: chosen.
        n_features_in_: d.
    """

    def __init__(
        self,
        degree: int = 2,
        width: int = 2000,
        last_width: int = 256,
        *,
        ridges: Sequence[float] = RIDGES,
        last_ridges: Sequence[float] = LAST_RIDGES,
        solver: str = "ridge",
        steps: int = 10_000,
        random_state: int = 0,
    ):
        self.degree = degree
        self.width = width
        self.last_width = last_width
        self.ridges = ridges
        self.last_ridges = last_ridges
        self.solver = solver
        self.steps = steps
        self.random_state = random_state

    def fit(self, X, y) -> ThreeLayerRegressor:
        """Both stages.

        Args:
            X: (n_samples, d), finite.
            y: (n_samples,).

        Raises:
            InvalidInputError: fewer than 10 rows, a degree, width or steps that are not whole
                numbers from 1 on, no ridges above 0, or another solver.
        """
        solver, sigma2 = Solver(self.solver, self.steps), activation(self.degree)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        if len(X) < 10:
            raise InvalidInputError(f"n_samples={len(X)}; 10 or more are wanted, half a stage.")
        self.mean_, self.scale_ = X.mean(0), X.std(0)
        self.scale_[self.scale_ == 0] = 1
        rng = np.random.default_rng(self.random_state)
        order = rng.permutation(len(X))
        rows = torch.from_numpy(((X - self.mean_) / self.scale_)[order])
        values = torch.from_numpy(np.asarray(y, dtype=np.float64)[order])
        half = len(X) // 2
        self.net_ = ThreeLayerNet(
            X.shape[1],
            self.width,
            self.last_width,
            sigma2,
            torch.Generator().manual_seed(int(rng.integers(2**31))),
        )
        chosen = train(
            self.net_,
            Samples(rows[:half], values[:half]),
            Samples(rows[half:], values[half:]),
            self.ridges,
            self.last_ridges,
            solver,
        )
        self.ridge_, self.last_ridge_ = chosen.ridge, chosen.last_ridge
        return self

    def predict(self, X) -> Float[np.ndarray, " n_samples"]:
        """f(x), a row."""
        rows = self._standardised(X)
        with torch.no_grad():
            return self.net_(rows).numpy()

    def learnt_feature(self, X) -> Float[np.ndarray, " n_samples"]:
        """g_u(x): what stage one learnt, p up to an affine map where the method works."""
        rows = self._standardised(X)
        with torch.no_grad():
            return self.net_.learnt(rows).numpy()

    def _standardised(self, X) -> Float[Tensor, "n_samples d"]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return torch.from_numpy((X - self.mean_) / self.scale_)
